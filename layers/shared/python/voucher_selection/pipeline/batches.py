"""The rows of a history file in batches: read ahead, in fixed memory, without row groups of other countries."""

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from voucher_selection.adapters.parquet.columns import Opener, RowGroups, read_columns
from voucher_selection.adapters.parquet.damage import naming_file
from voucher_selection.adapters.parquet.fetching import fetched_ahead
from voucher_selection.adapters.parquet.footers import chunk_indices
from voucher_selection.domain.countries import may_lie_between
from voucher_selection.domain.country_keys import by_key, country_key
from voucher_selection.domain.history import COLUMN_NAMES
from voucher_selection.domain.other_countries import NO_COUNTRY, RowsByName, listed_name, summed
from voucher_selection.domain.plans import Shard, ShardPart
from voucher_selection.domain.rules import split_countries

# Every assignment has its own `timestamp`: reading it takes as long as reading the other columns together. So it has a
# thread of its own, and the others share one. These have few distinct values; each text among them is parsed once.
_UNIQUE = ["timestamp"]
_REPEATED = [name for name in COLUMN_NAMES if name not in _UNIQUE]
# A smaller row group is read with its neighbours: looking whether it can be left out costs more than it saves.
_FEW_ROWS = 1000


class Batch(NamedTuple):
    """Rows of a history (columns of `history.COLUMNS`), and the index in the file of the first of them."""

    rows: pa.RecordBatch
    first_row: int


def read_batches(
    open_file: Opener, metadata: pq.FileMetaData, row_groups: RowGroups, batch_rows: int
) -> Iterator[Batch]:
    """Yield the rows of the row groups, in their order.

    The memory needed depends on `batch_rows`, the most of a batch, and on nothing else: of a large row group, each
    column chunk passes through a window. A batch spans several row groups only if they are small. A remote file is
    fetched once for all columns.
    """
    with fetched_ahead(open_file, metadata, row_groups, COLUMN_NAMES) as opened:
        unique_columns = read_columns(opened, metadata, row_groups, batch_rows, _UNIQUE)
        repeated_columns = read_columns(opened, metadata, row_groups, batch_rows, _REPEATED, _REPEATED)
        first_row = row_groups.first_row
        for unique, repeated in _aligned(read_ahead(unique_columns), read_ahead(repeated_columns)):
            rows = pa.record_batch(
                [*unique.columns, *repeated.columns], names=[*unique.schema.names, *repeated.schema.names]
            )
            yield Batch(rows, first_row)
            first_row += rows.num_rows


def read_parts[Item](shard: Shard, read: Callable[[ShardPart], Iterator[Item]]) -> Iterator[tuple[ShardPart, Item]]:
    """Read each part of a shard, and yield every item with its part; `naming_file` names a damaged file's source."""
    for part in shard.parts:
        with naming_file(part.source or part.key):
            for item in read(part):
                yield part, item


class Chosen(NamedTuple):
    """Row groups by what has to be read of them.

    Attributes
    ----------
    to_clean
        Row groups that may have rows of the countries; each run of neighbours is one.
    left_out
        The number of rows in all other row groups: the statistics show that these have no row of the countries.
    named
        Rows that are left out by the name of their country, where the statistics show that, too.
    to_name
        Row groups that are left out, whose countries have to be read.
    """

    to_clean: list[RowGroups]
    left_out: int
    named: RowsByName
    to_name: list[RowGroups]


def choose_row_groups(metadata: pq.FileMetaData, row_groups: RowGroups, countries: Collection[str]) -> Chosen:
    """Leave out row groups whose statistics, or whose path, show that no row is of the countries."""
    if "country_code" in row_groups.path_values:
        return _of_one_country(metadata, row_groups, countries)
    (country_code,) = chunk_indices(metadata, ["country_code"]).values()
    to_clean: list[RowGroups] = []
    to_name: list[RowGroups] = []
    named: list[tuple[str, int]] = []
    first_row, left_out = row_groups.first_row, 0
    for index in range(row_groups.first, row_groups.end):
        rows = metadata.row_group(index).num_rows
        chunk = metadata.row_group(index).column(country_code)
        own = row_groups._replace(first=index, end=index + 1, first_row=first_row)
        if rows < _FEW_ROWS or _may_hold(chunk, countries):
            _append(to_clean, own)
        else:
            left_out += rows
            names = _names_in(chunk.statistics, rows)
            named += names
            if not names:
                _append(to_name, own)
        first_row += rows
    return Chosen(to_clean, left_out, summed(named), to_name)


def _append(runs: list[RowGroups], following: RowGroups) -> None:
    """Add a row group to runs of neighbours."""
    if runs and runs[-1].end == following.first:
        runs[-1] = runs[-1]._replace(end=following.end)
    else:
        runs.append(following)


def _of_one_country(metadata: pq.FileMetaData, row_groups: RowGroups, countries: Collection[str]) -> Chosen:
    country = row_groups.path_values["country_code"]
    if country is not None and country_key(country) in by_key(countries):
        return Chosen([row_groups], 0, {}, [])
    rows = sum(metadata.row_group(index).num_rows for index in range(row_groups.first, row_groups.end))
    return Chosen([], rows, {listed_name(country): rows}, [])


def read_names(
    open_file: Opener, metadata: pq.FileMetaData, runs: Iterable[RowGroups], batch_rows: int
) -> Iterator[tuple[str, int]]:
    """Read only the countries of row groups, and yield each name with its rows, batch by batch."""
    column = ["country_code"]
    for run in runs:
        with fetched_ahead(open_file, metadata, run, column) as opened:
            for batch in read_columns(opened, metadata, run, batch_rows, column, column):
                yield from split_countries(batch["country_code"], ()).other_countries.items()


def read_ahead[Item](items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items; while the caller uses one, a thread makes the next."""
    with ThreadPoolExecutor(1) as thread:
        upcoming = thread.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = thread.submit(next, items, None)
            yield item


def _may_hold(country_code: pq.ColumnChunkMetaData, countries: Collection[str]) -> bool:
    statistics = country_code.statistics
    if statistics is None or not statistics.has_min_max:
        return True
    try:
        least, most = statistics.min, statistics.max
    except UnicodeDecodeError:  # a bound may be cut in the middle of a character
        return True
    return not isinstance(least, str) or may_lie_between(least, most, countries)


def _names_in(statistics: pq.Statistics, rows: int) -> list[tuple[str, int]]:
    """Return the name of a row group's only country, and its rows without one; nothing if it may have several."""
    if statistics.min != statistics.max or not statistics.has_null_count:
        return []
    counts = (listed_name(statistics.min), rows - statistics.null_count), (NO_COUNTRY, statistics.null_count)
    return [(name, number) for name, number in counts if number]


def _aligned(
    left: Iterable[pa.RecordBatch], right: Iterable[pa.RecordBatch]
) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
    """Yield the same rows of both sides: a column chunk with a new dictionary ends a batch early, on its side only."""
    lefts, rights = iter(left), iter(right)
    ours, theirs = next(lefts, None), next(rights, None)
    while ours is not None and theirs is not None:
        rows = min(ours.num_rows, theirs.num_rows)
        yield ours.slice(0, rows), theirs.slice(0, rows)
        ours = ours.slice(rows) if rows < ours.num_rows else next(lefts, None)
        theirs = theirs.slice(rows) if rows < theirs.num_rows else next(rights, None)
