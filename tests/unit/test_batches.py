"""Batches: small row groups at once, bytes as text, and no other rows than the footer says."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.quickstart.here.sample import sample_history
from tests.faults.corpus import _field, footer_start
from tests.histories import history, parquet_bytes
from voucher_selection.adapters.parquet import columns
from voucher_selection.adapters.parquet.columns import RowGroups, read_columns
from voucher_selection.adapters.parquet.footers import check_footer
from voucher_selection.domain.history import COLUMN_NAMES, text_of_bytes
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.pipeline.batches import Batch, read_batches
from voucher_selection.pipeline.counting import clean_batches

TEXTS = ("timestamp", "country_code", "last_order_ts", "total_orders")


def read(content: bytes, batch_rows: int = 131_072) -> list[Batch]:
    metadata = pq.read_metadata(io.BytesIO(content))
    row_groups = RowGroups(0, metadata.num_row_groups, 0)
    return list(read_batches(lambda: io.BytesIO(content), metadata, row_groups, batch_rows))


def values(content: bytes, batch_rows: int = 131_072) -> list[dict[str, Any]]:
    return [row for batch in read(content, batch_rows) for row in batch.rows.select(COLUMN_NAMES).to_pylist()]


# Row groups


@pytest.mark.parametrize("row_group_size", [1, 3, 250])
def test_small_row_groups_are_read_at_once_and_lose_no_row(row_group_size: int):
    table = sample_history(1_000, seed=3)

    found = read(parquet_bytes(table, row_group_size=row_group_size), 600)

    assert pa.concat_tables(
        [pa.table({n: b.rows[n].to_pylist() for n in COLUMN_NAMES}) for b in found]
    ).to_pylist() == (table.select(COLUMN_NAMES).to_pylist())
    assert len(found) <= 4
    assert max(batch.rows.num_rows for batch in found) <= 600
    starts = [sum(batch.rows.num_rows for batch in found[:number]) for number in range(len(found))]
    assert [batch.first_row for batch in found] == starts


def test_row_groups_are_read_at_once_only_while_their_texts_fit_if_every_row_had_the_longest(monkeypatch):
    """Without its dictionary, a text is in memory again for every row that has it."""
    monkeypatch.setattr(columns, "_MOST_BYTES", 100_000)
    content = parquet_bytes(history(*[{"total_orders": "3" + " " * 1_000}] * 100), row_group_size=10)

    metadata = pq.read_metadata(io.BytesIO(content))
    found = list(columns._read_at_once(metadata, RowGroups(0, 10, 0), COLUMN_NAMES, 1_000))

    assert [number for numbers in found for number in numbers] == list(range(10))
    assert 3 <= len(found) <= 5
    assert len(values(content)) == 100


def test_rows_of_two_countries_in_small_row_groups_are_counted_by_the_row():
    table = history(*[{"country_code": "Peru"}, {"country_code": "Chile"}, {"total_orders": "many"}] * 50)
    content = parquet_bytes(table, row_group_size=1)

    found = list(clean_batches(lambda: io.BytesIO(content), RowGroups(0, 150, 0), Reading(("Peru",)), 131_072))

    assert [(batch.totals.kept, batch.totals.other_country) for batch in found] == [(50, 50)]
    assert found[0].cleaned.rejected["row"].to_pylist() == list(range(2, 150, 3))


# Rows as the footer says


def lying(row_groups: int, claimed: int) -> bytes:
    """Return a file of row groups of 60 rows whose footer says everywhere that there are `claimed` of them."""
    content = parquet_bytes(sample_history(60 * row_groups, seed=3), row_group_size=60)
    start = footer_start(content)
    footer = content[start:-8].replace(_field(60), _field(claimed))
    footer = footer.replace(_field(60 * row_groups), _field(claimed * row_groups))
    return content[:start] + footer + len(footer).to_bytes(4, "little") + b"PAR1"


GROUPS = [["timestamp"], [name for name in COLUMN_NAMES if name != "timestamp"]]


@pytest.mark.parametrize("row_groups", [1, 3])
@pytest.mark.parametrize("columns", GROUPS, ids=["unique", "repeated"])
def test_columns_of_fewer_rows_than_the_footer_says_are_refused(columns: list[str], row_groups: int):
    content = lying(row_groups, 61)
    metadata = pq.read_metadata(io.BytesIO(content))
    check_footer(metadata, len(content), COLUMN_NAMES)  # it agrees with itself

    with pytest.raises(pa.ArrowInvalid, match=f"other rows than the {61 * row_groups} that the footer says"):
        list(read_columns(lambda: io.BytesIO(content), metadata, RowGroups(0, row_groups, 0), 1_000, columns))


@pytest.mark.parametrize("columns", GROUPS, ids=["unique", "repeated"])
def test_columns_of_more_rows_than_the_footer_says_do_not_shift_what_follows(columns: list[str]):
    content = lying(3, 59)
    metadata = pq.read_metadata(io.BytesIO(content))
    check_footer(metadata, len(content), COLUMN_NAMES)

    with pytest.raises(pa.ArrowInvalid, match="row groups 0 to 2 have values too many"):
        list(read_columns(lambda: io.BytesIO(content), metadata, RowGroups(0, 3, 0), 1_000, columns))


def test_rows_with_nan_at_the_end_are_no_rows_too_many():
    content = parquet_bytes(history(*[{"voucher_amount": float("nan")}] * 40), row_group_size=1)

    assert len(values(content)) == 40


def test_categories_of_small_row_groups_are_read_as_one_batch():
    table = sample_history(300, seed=3)
    for name in ("country_code", "total_orders"):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].dictionary_encode())

    found = read(parquet_bytes(table, row_group_size=2))

    assert len(found) == 1
    assert found[0].rows.select(COLUMN_NAMES).to_pylist() == table.select(COLUMN_NAMES).to_pylist()


# Bytes


def in_bytes(table: pa.Table, kind: pa.DataType) -> pa.Table:
    """Return the table as writers that know no text write it."""
    for name in TEXTS:
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, table[name].cast(pa.binary()).cast(kind))
    return table


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()], ids=str)
@pytest.mark.parametrize("dictionary", [list(TEXTS), []], ids=["dictionary", "plain"])
@pytest.mark.parametrize("row_group_size", [500, 5])
def test_bytes_are_read_as_the_text_that_they_are(kind: pa.DataType, dictionary: list[str], row_group_size: int):
    table = sample_history(500, seed=4)

    written = parquet_bytes(in_bytes(table, kind), row_group_size=row_group_size, use_dictionary=dictionary)

    assert values(written) == table.select(COLUMN_NAMES).to_pylist()


def test_bytes_of_a_fixed_size_are_read_without_the_zeros_that_fill_them_up():
    table = history({"country_code": "Peru"}, {"country_code": "Côte"}, {"country_code": None})
    fixed = pa.array([b"Peru\0", "Côte".encode(), None], pa.binary(5))

    written = parquet_bytes(table.set_column(1, "country_code", fixed))

    assert [row["country_code"] for row in values(written)] == ["Peru", "Côte", None]


def test_bytes_that_are_no_utf_8_are_malformed_in_numbers_and_dates_and_no_country():
    table = in_bytes(history(*[{}] * 5), pa.binary())
    for row, name in enumerate(TEXTS):
        place = table.schema.get_field_index(name)
        given = table[name].to_pylist()
        given[row] = b"3\xff"
        table = table.set_column(place, name, pa.array(given, pa.binary()))

    (batch,) = read(parquet_bytes(table))
    cleaned = clean(batch.rows, Reading(("Peru",)))

    assert (cleaned.kept.num_rows, cleaned.other_country) == (1, 1)
    assert cleaned.rejected["rule"].to_pylist() == ["malformed"] * 3
    rejected = cleaned.rejected.to_pylist()
    names = ("timestamp", "last_order_ts", "total_orders")
    assert [row[name] for row, name in zip(rejected, names, strict=True)] == ["3\ufffd"] * 3


@pytest.mark.parametrize(
    "given", [pa.array([b"a", None, b"\xff"]), pa.array([b"a", None, b"\xff"]).dictionary_encode()]
)
def test_text_of_bytes_says_which_are_none(given: pa.Array):
    assert text_of_bytes(given).to_pylist() == ["a", None, "\ufffd"]


# Columns of the path


def test_a_file_may_have_all_but_one_of_its_columns_in_its_path():
    content = parquet_bytes(history({}, {"total_orders": "5"}).select(["total_orders"]))
    metadata = pq.read_metadata(io.BytesIO(content))
    path_values = {name: None for name in COLUMN_NAMES if name != "total_orders"} | {"country_code": "Peru"}

    (batch,) = read_batches(lambda: io.BytesIO(content), metadata, RowGroups(0, 1, 0, path_values), 10)

    assert batch.rows.select(COLUMN_NAMES).to_pylist() == [
        dict.fromkeys(COLUMN_NAMES) | {"country_code": "Peru", "total_orders": orders} for orders in ("3.0", "5")
    ]
