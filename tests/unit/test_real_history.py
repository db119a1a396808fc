"""The right answer for a real history of 285,570 rows, where a copy of it lies beside the project."""

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.histories import parquet_bytes
from tests.memory_runs import Deployment, StageSettings
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.assigned_on import AssignedOn
from voucher_selection.domain.best_ranges import best_ranges
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import DeliveryOverlaps
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.order_dates import OrderDates
from voucher_selection.domain.quality import quality_of
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.domain.windows import Window
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


def found_of(counts: Counts, cur_date: str, segment_name: str) -> dict[str, Any]:
    """Return the segments that have support, in the form of what is expected."""
    modes = segment_modes(counts, shipped_definitions(), date.fromisoformat(cur_date), ["Peru"])
    return {
        mode.segment: {
            "support": mode.support,
            "mode": mode.voucher_amount,
            "counts": {f"{a.voucher_amount:g}": a.count for a in mode.assignments},
        }
        for mode in modes
        if mode.segment_name == segment_name and mode.support
    }


def test_amounts_by_days_when_given_are_right(counts_of_peru: Counts, with_calendar: dict[str, Any]):
    assert found_of(counts_of_peru, with_calendar["cur_date"], "lapse_segment") == with_calendar["given"]
    given = counts_of_peru.over_days(Measure.DAYS_SINCE_LAST_ORDER_WHEN_GIVEN)
    days = list(zip(given["value"].to_pylist(), given["rows"].to_pylist(), strict=True))
    assert sum(rows for value, rows in days if value < 0) == with_calendar["given_negative"]
    assert sum(rows for value, rows in days if 0 <= value < 30) == with_calendar["given_below_30"]


def test_amounts_of_a_window_are_right(counts_of_peru: Counts, with_calendar: dict[str, Any]):
    assert with_calendar["window"]
    for written, expected in with_calendar["window"].items():
        days = Window.model_validate(written).days(date.fromisoformat(with_calendar["cur_date"]))
        within = counts_of_peru.within(*days)
        for segment_name, of_segmentation in expected.items():
            assert found_of(within, with_calendar["cur_date"], segment_name) == of_segmentation


def test_a_cumulative_export_is_held_back_and_counts_once_where_it_replaces():
    rows = pq.read_table(DATA / "vouchers.parquet.gzip").slice(0, 2_100)
    with StageSettings.of() as settings:
        deployment = Deployment(settings)
        for name, number in (("first", 2_000), ("second", 2_100)):
            deployment.objects[f"uploads/{name}.parquet"] = parquet_bytes(rows.slice(0, number))
        deployment.run("uploads/first.parquet")

        with pytest.raises(DeliveryOverlaps, match=r"days that are counted already .* Peru 20\d\d-\d\d-\d\d \(\d+ new"):
            deployment.run("uploads/second.parquet", mode="append")
        deployment.run("uploads/second.parquet", mode="append", overlap="replace")

        counts, ledger = deployment.served()
    assert counts == Counts.of(clean(rows.combine_chunks().to_batches()[0], Reading(("Peru",))).kept)
    assert ledger.rows
    assert ledger.rows.kept - ledger.rows.replaced == counts.assignments


def test_what_segmentations_are_worth_is_right(counts_of_peru: Counts, with_calendar: dict[str, Any]):
    names = {"frequent_segment": "frequent_segment", "recency_segment": "recency_segment", "lapse_segment": "given"}

    found = quality_of(counts_of_peru, shipped_definitions(), date.fromisoformat(with_calendar["cur_date"]), ["Peru"])

    found_names = [of["segment_name"] for of in found["segmentations"]]
    assert found_names[: len(names)] == list(names)
    for of_segmentation in found["segmentations"][: len(names)]:
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
