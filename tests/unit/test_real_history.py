"""The right answer for a real history of 285,570 rows, where a copy of it lies beside the project."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from voucher_selection.domain.assigned_on import AssignedOn
from voucher_selection.domain.best_ranges import best_ranges
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.order_dates import OrderDates
from voucher_selection.domain.quality import quality_of
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rule_names import Rule
from voucher_selection.domain.rules import clean
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.pipeline.counting import count_file

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the real history is not at {DATA}; it is not part of the project"
)


@pytest.mark.parametrize("read_dictionary", [None, ["country_code", "last_order_ts", "total_orders"]])
def test_every_number_of_the_real_history_is_right(read_dictionary: list[str] | None):
    expected = json.loads((DATA / "expected_peru_2018-09-15.json").read_text())
    file = pq.ParquetFile(DATA / "vouchers.parquet.gzip", read_dictionary=read_dictionary)

    cleaned = [clean(batch, Reading(("Peru",))) for batch in file.iter_batches(50_000)]
    counts = Counts.sum(Counts.of(part.kept) for part in cleaned)
    modes = segment_modes(counts, shipped_definitions(), date.fromisoformat(expected["cur_date"]), ["Peru"])

    dates = OrderDates()
    for part in cleaned:
        dates.add(part.read)
    assert dates.frequent(date(2018, 9, 16)) == ()
    rejected = Counter(rule for part in cleaned for rule in part.rejected["rule"].to_pylist())
    assert sum(part.other_country for part in cleaned) == expected["other_country"]
    assert {rule.value: rejected[rule.value] for rule in Rule} == expected["rejected"]
    assert sum(part.kept.num_rows for part in cleaned) == expected["rows_kept"]
    for segmentation in ("frequent_segment", "recency_segment"):
        found = {
            mode.segment: {
                "support": mode.support,
                "assignments": {f"{a.voucher_amount:g}": a.count for a in mode.assignments},
                "voucher_amount": mode.voucher_amount,
            }
            for mode in modes
            if mode.segment_name == segmentation
        }
        assert found == expected[segmentation]


@pytest.fixture(scope="module")
def counts_of_peru() -> Counts:
    file = pq.ParquetFile(DATA / "vouchers.parquet.gzip")
    return Counts.sum(Counts.of(clean(batch, Reading(("Peru",))).kept) for batch in file.iter_batches(50_000))


@pytest.fixture(scope="module")
def with_calendar() -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((DATA / "expected_peru_calendar.json").read_text())
    return expected


def test_what_segmentations_are_worth_is_right(counts_of_peru: Counts, with_calendar: dict[str, Any]):
    names = {"frequent_segment": "frequent_segment", "recency_segment": "recency_segment", "lapse_segment": "given"}

    found = quality_of(counts_of_peru, shipped_definitions(), date.fromisoformat(with_calendar["cur_date"]), ["Peru"])

    assert [of["segment_name"] for of in found["segmentations"]] == list(names)
    for of_segmentation in found["segmentations"]:
        name = names[of_segmentation["segment_name"]]
        assert of_segmentation["agreement"] == pytest.approx(with_calendar["agreement"][name], abs=1e-6)
        months = {month["month"]: month for month in of_segmentation["backtest"]}
        assert months.keys() == with_calendar["backtest"][name].keys()
        for month, expected in with_calendar["backtest"][name].items():
            assert months[month] == pytest.approx(expected | {"month": month}, abs=1e-6)
    assigned = {of["month"]: of["support"] for of in found["countries"][0]["months"]}
    assert assigned == with_calendar["assigned"]["months"]


def test_the_best_ranges_reproduce_what_another_engine_found(counts_of_peru: Counts, with_calendar: dict[str, Any]):
    expected = with_calendar["best_ranges"]

    answer = best_ranges(
        counts_of_peru,
        Measure.TOTAL_ORDERS,
        date.fromisoformat(with_calendar["cur_date"]),
        ["Peru"],
        least_support=expected["least_support"],
    )

    assert answer.support == expected["rows"]
    reproduced = {str(found.most_ranges): found.reproduced for found in answer.found}
    assert reproduced | expected["reproduced_by_ranges"] == reproduced


def test_a_trend_that_is_a_mixture_is_told():
    file = pq.ParquetFile(DATA / "vouchers.parquet.gzip")
    kept = (clean(batch, Reading(("Latvia",))).kept for batch in file.iter_batches(50_000))

    found = quality_of(Counts.sum(map(Counts.of, kept)), shipped_definitions(), date(2018, 9, 15), ["Latvia"])

    recency = next(of for of in found["segmentations"] if of["segment_name"] == "recency_segment")
    long_ago = next(of for of in recency["over_time"] if of["segment"] == "121-180")
    july = long_ago["months"][-1]
    assert (july["month"], july["voucher_amount"], july["change"]) == ("2018-07", 13200.0, "shift")


def test_other_countries_and_days_of_assignment_of_the_real_history_are_right():
    expected = json.loads((DATA / "expected_peru_calendar.json").read_text())

    counts, totals = count_file(str(DATA / "vouchers.parquet.gzip"), Reading(("Peru",)), 50_000)
    found = AssignedOn.of(counts)

    assert sum(totals.other_countries.values()) == totals.other_country
    assert {"months": found.months, "days": [day.isoformat() for day in found.days or ()]} == {
        name: expected["assigned"][name] for name in ("months", "days")
    }
    assert (found.undated, found.before_last_order) == (expected["assigned"]["undated"], expected["given_negative"])
