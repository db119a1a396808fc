"""Merge the results of a run's shards: check that each shard of the manifest has one, and add them up."""

from collections.abc import Callable, Iterator, Mapping
from itertools import batched
from typing import NamedTuple

from pydantic import BaseModel

from voucher_selection.adapters.lake import Lake, Listed, in_parallel
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.state_machine import message_of
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import ShardsIncomplete
from voucher_selection.domain.plans import AssignPlan, HistoryPlan, Shard
from voucher_selection.domain.stored_objects import StoredRows
from voucher_selection.domain.striking_dates import StrikingDate, striking_dates
from voucher_selection.domain.totals import ShardAssigned, ShardTotals, Totals

# An execution's cause is cut at 32 KiB; the first failures are enough to find the fault.
_NAMED_SHARDS = 5
# Counts of this many shards are in memory at once, however many shards the run has.
_SHARDS_AT_ONCE = 256


class ShardFailure(BaseModel):
    """The reason why a shard has no result, as the state machine records it."""

    shard: int
    error: str
    cause: str


class Merged(NamedTuple):
    """The sum of all shards of a run.

    `undated_again` is the number of kept rows without a day that `counts` leaves out, because they are counted already.
    """

    totals: Totals
    counts: Counts
    striking_dates: tuple[StrikingDate, ...] = ()
    undated_again: int = 0


def merge_shards(lake: Lake, plan: HistoryPlan) -> Merged:
    """Add up the results of a run's shards.

    Raises
    ------
    ShardsIncomplete
        A shard has no result or one that does not add up, there are too many shards or results, or the rows in the lake
        differ from those that the shards wrote.
    ObjectAltered, ObjectMissing
        A shard's counts are missing, or differ from those that it wrote.
    """
    keys = RunKeys(plan.run_id)
    totals = checked_results(lake, plan, ShardTotals, keys.all_totals, keys.totals)
    _check_rows(lake, keys, totals)
    again, new = (
        _merge_counts(lake, keys, shards) for shards in (totals[: plan.shards_again], totals[plan.shards_again :])
    )
    # A delivery replaces days. What has none is counted once for each object.
    dated = again.dated()
    return Merged(
        totals=Totals.sum(totals),
        counts=Counts.sum([dated, new]),
        striking_dates=_striking_dates(plan, totals),
        undated_again=again.assignments - dated.assignments,
    )


def checked_results[Result: (ShardTotals, ShardAssigned)](
    lake: Lake, plan: HistoryPlan | AssignPlan, kind: type[Result], results: str, result_of: Callable[[int], str]
) -> list[Result]:
    """Return the results of the manifest's shards, after checking that each has one that adds up, and none is surplus.

    `results` is the folder of the results, and `result_of` returns the key of a shard's result.
    """
    keys = RunKeys(plan.run_id)
    shards = lake.read_json(keys.manifest, list[Shard])
    _check_manifest(plan, shards)
    listed, expected = set(lake.list(results)), {result_of(shard.number) for shard in shards}
    missing = [shard for shard in shards if result_of(shard.number) not in listed]
    if missing:
        raise ShardsIncomplete(_why_missing(lake, keys, missing, len(shards)))
    if surplus := sorted(listed - expected):
        raise ShardsIncomplete(f"{len(surplus)} results belong to no shard of the manifest (the first: {surplus[0]})")
    found = in_parallel(lambda shard: lake.read_json(result_of(shard.number), kind), shards)
    for shard, result in zip(shards, found, strict=True):
        _check_result(shard, result)
    return found


def _check_result(shard: Shard, result: ShardTotals | ShardAssigned) -> None:
    rows = result.rows_read if isinstance(result, ShardTotals) else result.rows
    if result.shard != shard.number or rows != shard.rows or not result.add_up:
        raise ShardsIncomplete(f"shard {shard.number} has {shard.rows} rows, but its result is {result!r}")


def _check_manifest(plan: HistoryPlan | AssignPlan, shards: list[Shard]) -> None:
    rows = sum(shard.rows for shard in shards)
    if [shard.number for shard in shards] != list(range(plan.shards)) or rows != plan.rows:
        raise ShardsIncomplete(
            f"expected {plan.shards} shards with {plan.rows} rows, as planned, got a manifest of {len(shards)} with"
            f" {rows}: a shard is missing or occurs twice"
        )


def check_objects(found: Mapping[str, Listed], expected: Mapping[str, StoredRows]) -> None:
    """Raise `ShardsIncomplete` if an object that the shards wrote is missing or changed, or another was added."""
    differing = sorted(key for key in found.keys() | expected.keys() if not _is_same(found.get(key), expected.get(key)))
    if differing:
        key = differing[0]
        raise ShardsIncomplete(
            f"{len(differing)} objects differ from those that the shards wrote: {key} is {_described(found.get(key))},"
            f" expected {_described(expected.get(key))}: start the run again"
        )


def _is_same(found: Listed | None, written: StoredRows | None) -> bool:
    if found is None or written is None:
        return found is None and written is None
    return found.size == written.size and written.etag in {found.etag, None}


def _striking_dates(plan: HistoryPlan, totals: list[ShardTotals]) -> tuple[StrikingDate, ...]:
    rows = sum(shard.rows_read - shard.other_country for shard in totals)
    return striking_dates((found for shard in totals for found in shard.frequent_dates), rows, plan.reading.last_day)


def _described(known: Listed | StoredRows | None) -> str:
    return "no object" if known is None else f"an object of {known.size:,} bytes (ETag {known.etag})"


def _check_rows(lake: Lake, keys: RunKeys, totals: list[ShardTotals]) -> None:
    """Check that the lake has exactly the rows that the shards kept and rejected."""
    expected = {key: written for shard in totals for key, written in _written(keys, shard)}
    check_objects(lake.listed(keys.all_cleaned) | lake.listed(keys.all_quarantine), expected)


def _written(keys: RunKeys, totals: ShardTotals) -> Iterator[tuple[str, StoredRows]]:
    if totals.cleaned:
        yield keys.cleaned(totals.shard), totals.cleaned
    for rule, rejected in totals.quarantine.items():
        yield keys.quarantine(rule, totals.shard), rejected


def _merge_counts(lake: Lake, keys: RunKeys, totals: list[ShardTotals]) -> Counts:
    def read(shard: ShardTotals) -> Counts:
        return lake.read_counts(keys.counts(shard.shard), shard.counts)

    counts = Counts.sum([])
    for some in batched(totals, _SHARDS_AT_ONCE, strict=False):
        counts = Counts.sum([counts, *in_parallel(read, some)])
    return counts


def _why_missing(lake: Lake, keys: RunKeys, missing: list[Shard], expected: int) -> str:
    recorded = in_parallel(
        lambda key: lake.read_json(key, ShardFailure), list(lake.list(keys.failures))[:_NAMED_SHARDS]
    )
    reasons = [f"shard {failure.shard}: {failure.error}: {message_of(failure.cause)}" for failure in recorded]
    numbers = ", ".join(str(shard.number) for shard in missing[:_NAMED_SHARDS])
    more = "" if len(missing) <= _NAMED_SHARDS else " and more"
    return f"{len(missing)} of {expected} shards have no result (shard {numbers}{more}). " + " ".join(reasons)
