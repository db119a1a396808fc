"""Counting a file: in batches of any size, past row groups of other countries, and the same as counting it whole."""

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.histories import SCHEMA, history, parquet_bytes
from voucher_selection.adapters.parquet.columns import RowGroups
from voucher_selection.domain import counts as domain_counts
from voucher_selection.domain.counts import Counts, RunningCounts
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import CLEANED_SCHEMA
from voucher_selection.pipeline.batches import choose_row_groups, read_ahead, read_batches
from voucher_selection.pipeline.counting import clean_batches, count_file

ROWS = [
    {"total_orders": f"{number % 40}.0", "last_order_ts": f"2018-05-{number % 28 + 1:02}", "timestamp": time}
    for number in range(3000)
    for time in [f"2018-07-21 {number // 600:02}:{number // 10 % 60:02}:00.{number:06}"]
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "history.parquet"
    path.write_bytes(parquet_bytes(history(*ROWS, {"timestamp": "soon"}), row_group_size=1100))
    return path


@pytest.mark.parametrize("batch_rows", [1, 7, 1100, 100_000])
def test_the_counts_do_not_depend_on_the_size_of_the_batches(file: Path, batch_rows: int):
    if batch_rows == 1:
        file.write_bytes(parquet_bytes(history(*ROWS[:50])))
    expected_counts, expected_totals = count_file(str(file), Reading(("Peru",)), 1000)

    counts, totals = count_file(str(file), Reading(("Peru",)), batch_rows)

    assert counts == expected_counts
    assert totals == expected_totals
    assert counts.assignments == totals.kept > 0


def test_a_dictionary_that_is_full_in_the_middle_of_a_column_does_not_shift_its_rows():
    table = history(*({**row, "total_orders": str(number)} for number, row in enumerate(ROWS)))
    content = parquet_bytes(table, dictionary_pagesize_limit=2000, data_page_size=1000, write_batch_size=50)
    metadata = pq.read_metadata(io.BytesIO(content))

    batches = list(read_batches(lambda: io.BytesIO(content), metadata, RowGroups(0, 1, 0), 800))

    assert [batch.rows.num_rows for batch in batches][:1] != [3000]
    for name in ("timestamp", "total_orders"):
        column = [value for batch in batches for value in batch.rows[name].to_pylist()]
        assert column == table[name].to_pylist()
    assert [batch.first_row for batch in batches][1] == batches[0].rows.num_rows


def test_times_as_int96_are_read_in_all_their_range():
    days = [datetime(1, 1, 1), datetime(1900, 1, 1), datetime(2018, 4, 20, 18), datetime(9999, 12, 31)]
    schema = SCHEMA.set(2, pa.field("last_order_ts", pa.timestamp("us")))
    table = history(*({"last_order_ts": day} for day in days), schema=schema)
    content = parquet_bytes(table, use_deprecated_int96_timestamps=True)

    (batch,) = clean_batches(lambda: io.BytesIO(content), RowGroups(0, 1, 0), Reading(("Peru",)), 100)

    assert batch.cleaned.kept["last_order_ts"].to_pylist() == days


def test_row_groups_of_other_countries_are_counted_and_not_cleaned():
    countries = [country for country in ("China", "Peru", "China", "Latvia", None) for _ in range(1000)]
    content = parquet_bytes(history(*({"country_code": country} for country in countries)), row_group_size=1000)
    metadata = pq.read_metadata(io.BytesIO(content))

    chosen = choose_row_groups(metadata, RowGroups(0, 5, 0), ["Peru", "Latvia"])
    batches = list(clean_batches(lambda: io.BytesIO(content), RowGroups(0, 5, 0), Reading(("Peru", "Latvia")), 10_000))

    # Nulls have no statistics: they are read.
    assert chosen.to_clean == [RowGroups(1, 2, 1000), RowGroups(3, 5, 3000)]
    assert (chosen.left_out, chosen.named, chosen.to_name) == (2000, {"China": 2000}, [])
    assert sum(batch.totals.rows_read for batch in batches) == 5000
    assert sum(batch.totals.other_country for batch in batches) == 3000
    assert [batch.first_row for batch in batches if batch.totals.kept] == [1000, 3000]


def test_a_row_between_two_countries_in_the_alphabet_is_read():
    content = parquet_bytes(history({"country_code": "Latvia"}, {"country_code": "Peru"}))
    metadata = pq.read_metadata(io.BytesIO(content))

    assert choose_row_groups(metadata, RowGroups(0, 1, 0), ["Mexico"]) == ([RowGroups(0, 1, 0)], 0, {}, [])


def test_what_fails_ahead_fails_where_it_is_used():
    def items() -> Iterator[int]:
        yield 1
        raise OSError("the page is damaged")

    ahead = read_ahead(items())

    assert next(ahead) == 1
    with pytest.raises(OSError, match="damaged"):
        next(ahead)


def test_running_counts_stay_small_and_equal_the_sum_of_all(monkeypatch):
    def part(day: int) -> pa.RecordBatch:
        row = {"country_code": "Peru", "total_orders": day % 3, "voucher_amount": 1.0}
        row |= {"last_order_ts": datetime(2018, 5, day % 28 + 1)}
        return pa.RecordBatch.from_pylist([row] * (day + 1), schema=CLEANED_SCHEMA)

    monkeypatch.setattr(domain_counts, "_ROWS_AT_ONCE", 5)
    parts = [part(day) for day in range(60)]
    running = RunningCounts(most_waiting_rows=10)
    for kept in parts:
        running.add(kept)

    held = sum(part.num_rows for part in running._parts)
    assert running.total() == Counts.sum(map(Counts.of, parts))
    assert running.total().table.num_rows == 31  # 3 numbers of orders, 28 days
    assert held <= 10 + 2 * 31
