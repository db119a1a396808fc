"""Shards: group the row groups of a source into pieces that one Clean or Assign can process."""

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from voucher_selection.domain.hive_partitions import NO_PATH_VALUES, PathValues
from voucher_selection.domain.plans import Shard, ShardPart

# A shard is an item of the map and the input of its state. Step Functions limits that to 256 KiB, which also hold the
# run's countries and the cause of a failure. So a shard has at most this many parts, and at most this many bytes.
MOST_PARTS = 500
LARGEST_SHARD = 100_000  # bytes of JSON, with every character beyond ASCII escaped, which takes up to three times more
_NUMBERS = ("first_row_group", "end_row_group", "first_row", "rows")
_LARGEST_NUMBER = 10**12  # more rows than any file has


class RowGroup(NamedTuple):
    """A row group of a footer; `size` is the compressed size, in bytes, of the columns that we read.

    `etag`, `file_size` (in bytes) and `source` describe the landed file when its footer was read; `path_values` is as
    in `ShardPart`, and so is `landed_key`.
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
    landed_key: str | None = None


def plan_shards(row_groups: Iterable[RowGroup], target_rows: int, target_size: int) -> list[Shard]:
    """Group row groups, in their order, into shards of at most `target_rows` rows and `target_size` bytes.

    A row group is never split: if it is larger than a target, it becomes a shard of its own. A shard also has at most
    `MOST_PARTS` parts and `LARGEST_SHARD` bytes of JSON. Sizes are compressed bytes of the columns that we read.

    Examples
    --------
    >>> row_groups = [RowGroup("a.parquet", "etag", number, number * 60, 60, 1_000) for number in range(3)]
    >>> [shard.rows for shard in plan_shards(row_groups, target_rows=120, target_size=1_000_000)]
    [120, 60]
    """
    return [
        Shard(number=number, parts=tuple(_parts(group)))
        for number, group in enumerate(_grouped(row_groups, target_rows, target_size))
    ]


def _grouped(row_groups: Iterable[RowGroup], target_rows: int, target_size: int) -> Iterator[list[RowGroup]]:
    group: list[RowGroup] = []
    rows = size = files = length = 0
    for row_group in row_groups:
        new_file = not group or group[-1].key != row_group.key
        part = _most_bytes(row_group) if new_file else 0
        full = (
            rows + row_group.rows > target_rows
            or size + row_group.size > target_size
            or files + new_file > MOST_PARTS
            or length + part > LARGEST_SHARD
        )
        if group and full:
            yield group
            group, rows, size, files, length = [], 0, 0, 0, 0
            new_file, part = True, _most_bytes(row_group)
        group.append(row_group)
        rows, size, files, length = rows + row_group.rows, size + row_group.size, files + new_file, length + part
    if group:
        yield group


def _most_bytes(row_group: RowGroup) -> int:
    """Return the most bytes of JSON that a part can have if it begins with this row group."""
    numbers: dict[str, Any] = dict.fromkeys(_NUMBERS, _LARGEST_NUMBER)
    part = ShardPart(**_of_file(row_group), **numbers)
    return len(json.dumps(part.model_dump(), separators=(",", ":")))


def _of_file(row_group: RowGroup) -> dict[str, Any]:
    """Return the fields of a part that describe its file."""
    return {
        "key": row_group.key,
        "etag": row_group.etag,
        "size": row_group.file_size,
        "source": row_group.source,
        "path_values": row_group.path_values,
        "landed_key": row_group.landed_key,
    }


def _parts(group: list[RowGroup]) -> Iterator[ShardPart]:
    for _, row_groups in groupby(group, key=attrgetter("key")):
        of_file = list(row_groups)
        yield ShardPart(
            **_of_file(of_file[0]),
            first_row_group=of_file[0].number,
            end_row_group=of_file[-1].number + 1,
            first_row=of_file[0].first_row,
            rows=sum(row_group.rows for row_group in of_file),
        )
