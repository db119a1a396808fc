"""The right answer for a real history of 285,570 rows, where a copy of it lies beside the project."""

import json
from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from voucher_selection.domain.assigned_on import AssignedOn
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.order_dates import OrderDates
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


def test_other_countries_and_days_of_assignment_of_the_real_history_are_right():
    expected = json.loads((DATA / "expected_peru_calendar.json").read_text())

    counts, totals = count_file(str(DATA / "vouchers.parquet.gzip"), Reading(("Peru",)), 50_000)
    found = AssignedOn.of(counts)

    assert sum(totals.other_countries.values()) == totals.other_country
    assert {"months": found.months, "days": [day.isoformat() for day in found.days or ()]} == {
        name: expected["assigned"][name] for name in ("months", "days")
    }
    assert (found.undated, found.before_last_order) == (expected["assigned"]["undated"], expected["given_negative"])
