"""Shards: how the row groups of a history are split into pieces that one Clean can work on."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from voucher_selection.domain.hive_partitions import NO_PATH_VALUES, PathValues
from voucher_selection.domain.runs import Shard, ShardPart

# A shard is an item of the map and travels as its state's input, which Step Functions limits to 256 KiB.
MOST_PARTS = 500
_MOST_BYTES = 192 * 1024  # of its files' descriptions; the rest is for what the state is given besides
_NUMBERS_BYTES = 200  # of a description: its numbers, and the names of its fields


class RowGroup(NamedTuple):
    """A row group as the footer describes it; `size` is the compressed size of the columns we read, in bytes.

    `etag`, `file_size` (in bytes) and `source` are those of the landed file when its footer was read, `path_values` is
    as in `ShardPart`.
    """

    key: str
    etag: str
    number: int
    first_row: int
    rows: int
    size: int
    file_size: int | None = None
    source: str | None = None
    path_values: PathValues = NO_PATH_VALUES


def plan_shards(row_groups: Iterable[RowGroup], target_rows: int, target_size: int) -> list[Shard]:
    """Group row groups, in their order, into shards of at most `target_rows` rows and `target_size` bytes.

    A row group is never split: one that is larger than a target is a shard of its own.
    """
    return [
        Shard(number=number, parts=tuple(_parts(group)))
        for number, group in enumerate(_grouped(row_groups, target_rows, target_size))
    ]


def _grouped(row_groups: Iterable[RowGroup], target_rows: int, target_size: int) -> Iterator[list[RowGroup]]:
    group: list[RowGroup] = []
    rows = size = files = described = 0
    for row_group in row_groups:
        new_file = not group or group[-1].key != row_group.key
        described += _described_bytes(row_group) if new_file else 0
        full = (
            rows + row_group.rows > target_rows
            or size + row_group.size > target_size
            or files + new_file > MOST_PARTS
            or described > _MOST_BYTES
        )
        if group and full:
            yield group
            group, rows, size, files, new_file = [], 0, 0, 0, True
            described = _described_bytes(row_group)
        group.append(row_group)
        rows, size, files = rows + row_group.rows, size + row_group.size, files + new_file
    if group:
        yield group


def _described_bytes(row_group: RowGroup) -> int:
    """Return how many bytes a file takes at most among the parts of a shard."""
    texts = (row_group.key, row_group.etag, row_group.source, row_group.path_values)
    return _NUMBERS_BYTES + len(json.dumps(texts))


def _parts(group: list[RowGroup]) -> Iterator[ShardPart]:
    for key, row_groups in groupby(group, key=attrgetter("key")):
        of_file = list(row_groups)
        yield ShardPart(
            key=key,
            etag=of_file[0].etag,
            first_row_group=of_file[0].number,
            end_row_group=of_file[-1].number + 1,
            first_row=of_file[0].first_row,
            rows=sum(row_group.rows for row_group in of_file),
            size=of_file[0].file_size,
            source=of_file[0].source,
            path_values=of_file[0].path_values,
        )
