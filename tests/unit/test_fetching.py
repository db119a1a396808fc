"""Fetching: how often S3 is asked for a file's row groups, and for which bytes."""

import io
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.quickstart.here.sample import sample_history
from tests.environment import BUCKET
from tests.histories import parquet_bytes
from tests.memory_stores import MemoryS3
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.parquet import columns, fetching
from voucher_selection.adapters.parquet.columns import RowGroups
from voucher_selection.domain.history import COLUMN_NAMES
from voucher_selection.domain.plans import Shard, ShardPart
from voucher_selection.domain.reading import Reading
from voucher_selection.pipeline import cleaning
from voucher_selection.pipeline.batches import read_batches, read_names
from voucher_selection.pipeline.cleaning import clean_shard

KEY = "raw/history.parquet"
ROWS = 12_000


class CountingS3(MemoryS3):
    """S3 with one file, which notes the ranges that it is asked for, and the keys that are written."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.objects[KEY] = content
        self.asked: list[tuple[int, int]] = []
        self.written: list[str] = []

    def get_object(self, *, Key: str, Range: str | None = None, **conditions: str) -> dict[str, Any]:  # noqa: N803 - S3's names
        assert Range is not None
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        self.asked.append((first, last + 1))
        return super().get_object(Key=Key, Range=Range, **conditions)

    def put_object(self, *, Key: str, Body: Any, **options: Any) -> dict[str, str]:  # noqa: N803 - S3's names
        self.written.append(Key)
        return super().put_object(Key=Key, Body=Body, **options)


def file_of(row_groups: int, table: pa.Table | None = None) -> tuple[CountingS3, pq.FileMetaData]:
    content = parquet_bytes(table or sample_history(ROWS, seed=5), row_group_size=ROWS // row_groups)
    return CountingS3(content), pq.read_metadata(io.BytesIO(content))


def read(client: CountingS3, metadata: pq.FileMetaData, batch_rows: int = 131_072) -> list[dict[str, Any]]:
    lake, size, every = Lake(BUCKET, client), len(client.objects[KEY]), RowGroups(0, metadata.num_row_groups, 0)  # type: ignore[arg-type]
    etag = client.head_object(Key=KEY)["ETag"]
    batches = read_batches(lambda: lake.open(KEY, etag, size), metadata, every, batch_rows)
    return [row for batch in batches for row in batch.rows.select(COLUMN_NAMES).to_pylist()]


def size_of(metadata: pq.FileMetaData, names: list[str] = COLUMN_NAMES) -> int:
    return sum(
        (chunk := metadata.row_group(number).column(index)).total_compressed_size * (chunk.path_in_schema in names)
        for number in range(metadata.num_row_groups)
        for index in range(metadata.num_columns)
    )


@pytest.fixture
def apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row group is small enough to be fetched with another."""
    monkeypatch.setattr(fetching, "_TOGETHER_BYTES", 0)


@pytest.mark.usefixtures("apart")
def test_a_row_group_takes_one_request_for_all_of_its_columns():
    client, metadata = file_of(row_groups=6)

    assert len(read(client, metadata, batch_rows=500)) == ROWS

    assert len(client.asked) == 6
    assert sum(end - start for start, end in client.asked) == size_of(metadata)


@pytest.mark.parametrize("row_groups", [6, 400])
def test_small_row_groups_side_by_side_take_one_request(row_groups: int):
    client, metadata = file_of(row_groups)

    assert len(read(client, metadata)) == ROWS

    assert client.asked == [(4, 4 + size_of(metadata))]


def test_a_large_row_group_passes_through_windows_and_each_byte_is_asked_for_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetching, "_WHOLE_BYTES", 10_000)
    monkeypatch.setattr(fetching, "_WINDOW_BYTES", 3_000)
    monkeypatch.setattr(columns, "_READ_BYTES", 1_000)
    client, metadata = file_of(row_groups=2)

    assert len(read(client, metadata, batch_rows=500)) == ROWS

    assert max(end - start for start, end in client.asked) == 3_000
    assert sum(end - start for start, end in client.asked) == size_of(metadata)


def test_bytes_that_nobody_reads_are_not_fetched_if_they_are_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetching, "_HOLE_BYTES", 5_000)
    history = sample_history(ROWS, seed=5)
    note = pa.array([f"{number * 7919:x}" * 3 for number in range(ROWS)])
    between = history.select(history.column_names[:2]).append_column("note", note)
    for name in history.column_names[2:]:
        between = between.append_column(name, history[name])
    client, metadata = file_of(1, between)

    assert len(read(client, metadata)) == ROWS

    assert len(client.asked) == 2
    assert (
        sum(end - start for start, end in client.asked)
        == size_of(metadata)
        < size_of(metadata, [*COLUMN_NAMES, "note"])
    )


def test_of_row_groups_that_are_only_named_one_column_is_fetched(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fetching, "_HOLE_BYTES", 0)
    client, metadata = file_of(row_groups=3)
    lake, size = Lake(BUCKET, client), len(client.objects[KEY])  # type: ignore[arg-type]

    etag = client.head_object(Key=KEY)["ETag"]
    named = read_names(lambda: lake.open(KEY, etag, size), metadata, [RowGroups(0, 3, 0)], 131_072)

    assert sum(rows for _, rows in named) == ROWS
    assert len(client.asked) == 3
    assert sum(end - start for start, end in client.asked) == size_of(metadata, ["country_code"])


@pytest.mark.usefixtures("apart")
def test_a_file_is_not_fetched_long_before_it_is_read():
    client, metadata = file_of(row_groups=20)
    lake, size = Lake(BUCKET, client), len(client.objects[KEY])  # type: ignore[arg-type]
    etag = client.head_object(Key=KEY)["ETag"]

    batches = read_batches(lambda: lake.open(KEY, etag, size), metadata, RowGroups(0, 20, 0), ROWS // 20)
    next(batches)
    asked = len(client.asked)
    batches.close()

    assert asked <= 5


def test_what_has_been_read_is_not_kept():
    """Whatever the number of row groups, as much as three of them is in memory."""
    content = bytes(range(100)) * 10
    steps = [[[fetching.Span(start, start + 50)]] for start in range(0, 1_000, 50)]
    client = CountingS3(content)
    remote = Lake(BUCKET, client).open(KEY, client.head_object(Key=KEY)["ETag"], 1_000)  # type: ignore[arg-type]
    with ThreadPoolExecutor(1) as threads:
        fetched = fetching._Fetched(remote, steps, threads)
        held = []
        for start in range(0, 1_000, 50):
            for _reader in range(2):
                assert fetched.piece(start, 1_000) == content[start : start + 50]
            held.append(len(fetched._held))

    assert max(held) == 3
    assert client.asked == [(start, start + 50) for start in range(0, 1_000, 50)]


@settings(max_examples=15, deadline=None)
@given(
    row_groups=st.integers(1, 40),
    batch_rows=st.integers(100, 5_000),
    whole=st.integers(0, 60_000),
    together=st.integers(0, 60_000),
    window=st.integers(500, 20_000),
    hole=st.integers(0, 20_000),
)
def test_however_it_is_fetched_the_rows_are_those_of_the_file(
    row_groups: int, batch_rows: int, whole: int, together: int, window: int, hole: int
):
    table = sample_history(2_000, seed=9)
    content = parquet_bytes(table, row_group_size=max(1, 2_000 // row_groups))
    client, metadata = CountingS3(content), pq.read_metadata(io.BytesIO(content))
    with pytest.MonkeyPatch.context() as patched:
        for name, value in (("WHOLE", whole), ("TOGETHER", together), ("WINDOW", window), ("HOLE", hole)):
            patched.setattr(fetching, f"_{name}_BYTES", value)
        patched.setattr(columns, "_READ_BYTES", window)

        found = read(client, metadata, batch_rows)

    assert len(found) == 2_000
    assert found == pq.read_table(io.BytesIO(content)).select(COLUMN_NAMES).to_pylist()


@pytest.mark.usefixtures("apart")
def test_clean_asks_for_each_row_group_of_its_shard_once_and_writes_each_object_once(monkeypatch: pytest.MonkeyPatch):
    """Beside the row groups, the footer takes one request: a shard of three of six row groups takes four."""
    monkeypatch.setattr(cleaning, "_SMALL_FILE_BYTES", 0)
    client, _ = file_of(row_groups=6)
    etag, size = client.head_object(Key=KEY)["ETag"], len(client.objects[KEY])
    part = ShardPart(
        key=KEY, etag=etag, first_row_group=2, end_row_group=5, first_row=ROWS // 3, rows=ROWS // 2, size=size
    )

    clean_shard(Lake(BUCKET, client), "run-1", Shard(number=7, parts=(part,)), Reading(("Peru",)), 500)  # type: ignore[arg-type]

    row_groups = [span for span in client.asked if span[1] < size]
    assert len(client.asked) == 1 + 3
    assert row_groups == sorted(row_groups)
    assert all(before[1] == after[0] for before, after in pairwise(row_groups))
    names = sorted(key.split("/")[0] for key in client.written)
    assert (len({*client.written}), names.count("staging")) == (len(client.written), 3)
