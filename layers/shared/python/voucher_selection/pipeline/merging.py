"""Merge the results of a history's shards: add up their totals and counts, in one step or in two."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Self

from voucher_selection.adapters.lake import Lake, in_parallel
from voucher_selection.adapters.run_keys import RunKeys, beginning_of_group, beginnings_of_quarantine
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.plans import HistoryPlan
from voucher_selection.domain.shard_groups import ShardGroup
from voucher_selection.domain.stored_objects import StoredRows
from voucher_selection.domain.striking_dates import DateRows, StrikingDate, striking_dates, summed
from voucher_selection.domain.totals import GroupTotals, ShardTotals, Totals
from voucher_selection.pipeline.shard_results import (
    check_no_others,
    check_objects,
    group_results,
    groups_of,
    shard_results,
)

# So many tables of counts are in memory at once, however many shards or groups there are. Those of groups may be large:
# a byte of parquet is up to a row of counts, which takes about 60 bytes of memory.
_TABLES_AT_ONCE, _BYTES_AT_ONCE = 256, 4_000_000


class Merged(NamedTuple):
    """The sum of all shards of a run.

    `undated_again` is the number of kept rows without a day that `counts` leaves out, because they are counted already.
    """

    totals: Totals
    counts: Counts
    striking_dates: tuple[StrikingDate, ...] = ()
    undated_again: int = 0


class _Sum(NamedTuple):
    """The sum of some shards, as in `GroupTotals`."""

    totals: Totals
    counts: Counts
    frequent_dates: tuple[DateRows, ...]
    undated_again: int

    @classmethod
    def of_groups(cls, groups: Sequence[GroupTotals], counts: Counts) -> Self:
        """Return the sum of groups, whose counts are added up already."""
        return cls(
            totals=Totals.sum(groups),
            counts=counts,
            frequent_dates=summed(found for group in groups for found in group.frequent_dates),
            undated_again=sum(group.undated_again for group in groups),
        )


def merge_shards(lake: Lake, plan: HistoryPlan) -> Merged:
    """Add up the results of a run's shards: those of its one group, or those that `merge_group` has merged.

    Raises
    ------
    ShardsIncomplete
        A shard or group has no result or one that does not add up, there are too many shards or results, or the rows in
        the lake differ from those that the shards wrote.
    ObjectAltered, ObjectMissing
        The counts of a shard or group are missing, or differ from those that were written.
    """
    keys = RunKeys(plan.run_id, plan.shards_per_group)
    groups = groups_of(lake, plan)
    merged = _sum_of_shards(lake, keys, groups[0]) if plan.groups == 1 else _sum_of_groups(lake, keys, groups)
    rows = merged.totals.rows_read - merged.totals.other_country
    return Merged(
        totals=merged.totals,
        counts=merged.counts,
        striking_dates=striking_dates(merged.frequent_dates, rows, plan.reading.last_day),
        undated_again=merged.undated_again,
    )


def merge_group(lake: Lake, run_id: str, group: ShardGroup) -> None:
    """Add up the results of a group's shards and write the sums, with the errors of `merge_shards`.

    A repetition writes the same objects.
    """
    keys = RunKeys(run_id, group.shards_per_group)
    merged = _sum_of_shards(lake, keys, group)
    totals = GroupTotals(
        group=group.number,
        **merged.totals.model_dump(),
        counts=lake.write_counts(keys.counts_of_group(group.number), merged.counts),
        frequent_dates=merged.frequent_dates,
        undated_again=merged.undated_again,
    )
    lake.write_json(keys.merged(group.number), totals)  # last: totals mark a merged group


def _sum_of_shards(lake: Lake, keys: RunKeys, group: ShardGroup) -> _Sum:
    totals = shard_results(lake, keys, group, ShardTotals, keys.all_totals, keys.totals)
    _check_rows(lake, keys, group, totals)

    def read(shard: ShardTotals) -> Counts:
        return lake.read_counts(keys.counts(shard.shard), shard.counts)

    again, new = (_added_up(read, shards) for shards in (totals[: group.again], totals[group.again :]))
    # A delivery replaces days. What has none is counted once for each object.
    dated = again.dated()
    return _Sum(
        totals=Totals.sum(totals),
        counts=Counts.sum([dated, new]),
        frequent_dates=summed(found for shard in totals for found in shard.frequent_dates),
        undated_again=again.assignments - dated.assignments,
    )


def _sum_of_groups(lake: Lake, keys: RunKeys, groups: Sequence[ShardGroup]) -> _Sum:
    merged = group_results(lake, keys, groups, GroupTotals, keys.all_totals, keys.totals)
    for folder in (keys.all_totals, keys.all_cleaned):
        check_no_others(lake, folder, [beginning_of_group(keys, folder, group.number) for group in groups])
    rejected = [beginning for group in groups for beginning in beginnings_of_quarantine(keys, group.number)]
    check_no_others(lake, keys.all_quarantine, rejected)

    def read(group: GroupTotals) -> Counts:
        return lake.read_counts(keys.counts_of_group(group.group), group.counts)

    return _Sum.of_groups(merged, _added_up(read, merged))


def _check_rows(lake: Lake, keys: RunKeys, group: ShardGroup, totals: list[ShardTotals]) -> None:
    """Check that the lake has exactly the rows that the shards kept and rejected."""
    expected = {key: written for shard in totals for key, written in _written(keys, shard)}
    beginnings = [
        beginning_of_group(keys, keys.all_cleaned, group.number),
        *beginnings_of_quarantine(keys, group.number),
    ]
    check_objects({key: found for listed in map(lake.listed, beginnings) for key, found in listed.items()}, expected)


def _written(keys: RunKeys, totals: ShardTotals) -> Iterator[tuple[str, StoredRows]]:
    if totals.cleaned:
        yield keys.cleaned(totals.shard), totals.cleaned
    for rule, rejected in totals.quarantine.items():
        yield keys.quarantine(rule, totals.shard), rejected


def _added_up[Result: ShardTotals | GroupTotals](read: Callable[[Result], Counts], results: Iterable[Result]) -> Counts:
    counts = Counts.sum([])
    for some in _at_once(results):
        counts = Counts.sum([counts, *in_parallel(read, some)])
    return counts


def _at_once[Result: ShardTotals | GroupTotals](results: Iterable[Result]) -> Iterator[list[Result]]:
    """Yield results in order, as many at a time as have tables of counts that fit into memory together."""
    some: list[Result] = []
    size = 0
    for result in results:
        size += result.counts.object.size
        if some and (len(some) == _TABLES_AT_ONCE or size > _BYTES_AT_ONCE):
            yield some
            some, size = [], result.counts.object.size
        some.append(result)
    if some:
        yield some
