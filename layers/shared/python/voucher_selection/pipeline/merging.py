"""The results of a run's shards: one for each shard of the manifest, checked, and summed."""

from collections.abc import Callable, Iterator, Mapping
from itertools import batched
from typing import NamedTuple

from voucher_selection.adapters.failures import ShardFailure
from voucher_selection.adapters.lake import Lake, Listed, in_parallel
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import ShardsIncomplete
from voucher_selection.domain.plans import AssignPlan, HistoryPlan, Shard
from voucher_selection.domain.stored_objects import StoredRows
from voucher_selection.domain.striking_dates import StrikingDate, striking_dates
from voucher_selection.domain.totals import ShardTotals, Totals

# An execution's cause is cut at 32 KiB; the first failures say what is wrong.
_NAMED_SHARDS = 5
# Shards whose counts are in memory at once: what is needed does not grow with their number.
_SHARDS_AT_ONCE = 256


class Merged(NamedTuple):
    """What all shards of a run have counted."""

    totals: Totals
    counts: Counts
    striking_dates: tuple[StrikingDate, ...] = ()


def merge_shards(lake: Lake, plan: HistoryPlan) -> Merged:
    """Sum up the results of a run's shards.

    Raises
    ------
    ShardsIncomplete
        A shard has no result or a result that does not add up, or there are shards or results too many.
    ObjectAltered, ObjectMissing
        A shard's counts are not those that it has written.
    """
    keys = RunKeys(plan.run_id)
    shards = checked_shards(lake, plan, keys.all_totals, keys.totals)
    totals = _read_totals(lake, keys, shards)
    _check_rows(lake, keys, totals)
    return Merged(Totals.sum(totals), _merge_counts(lake, keys, totals), _striking_dates(plan, totals))


def checked_shards(
    lake: Lake, plan: HistoryPlan | AssignPlan, results: str, result_of: Callable[[int], str]
) -> list[Shard]:
    """Return the shards of the manifest, each of which has one result.

    Parameters
    ----------
    results, result_of
        The folder of the results, and the key of each shard's.

    Raises
    ------
    ShardsIncomplete
        A shard has no result, or there are shards or results too many.
    """
    keys = RunKeys(plan.run_id)
    shards = lake.read_json(keys.manifest, list[Shard])
    _check_manifest(plan, shards)
    found, expected = set(lake.list(results)), {result_of(shard.number) for shard in shards}
    missing = [shard for shard in shards if result_of(shard.number) not in found]
    if missing:
        raise ShardsIncomplete(_why_missing(lake, keys, missing, len(shards)))
    if surplus := sorted(found - expected):
        raise ShardsIncomplete(f"{len(surplus)} results are of no shard of the manifest (the first: {surplus[0]})")
    return shards


def _check_manifest(plan: HistoryPlan | AssignPlan, shards: list[Shard]) -> None:
    rows = sum(shard.rows for shard in shards)
    if [shard.number for shard in shards] != list(range(plan.shards)) or rows != plan.rows:
        raise ShardsIncomplete(
            f"the manifest has {len(shards)} shards with {rows} rows, the plan {plan.shards} with {plan.rows}:"
            " a shard is missing or doubled"
        )


def _read_totals(lake: Lake, keys: RunKeys, shards: list[Shard]) -> list[ShardTotals]:
    found = in_parallel(lambda shard: lake.read_json(keys.totals(shard.number), ShardTotals), shards)
    for shard, totals in zip(shards, found, strict=True):
        if totals.shard != shard.number or totals.rows_read != shard.rows or not totals.add_up:
            raise ShardsIncomplete(f"shard {shard.number} has {shard.rows} rows, its result accounts for {totals!r}")
    return found


def check_objects(found: Mapping[str, Listed], expected: Mapping[str, StoredRows]) -> None:
    """Check that the lake has the objects which shards have written, as they have written them, and no others.

    Raises
    ------
    ShardsIncomplete
    """
    differing = sorted(key for key in found.keys() | expected.keys() if not _is_same(found.get(key), expected.get(key)))
    if differing:
        key = differing[0]
        raise ShardsIncomplete(
            f"{len(differing)} objects are not as the shards have left them: {key} is {_told(found.get(key))}, expected"
            f" {_told(expected.get(key))}: start the run again"
        )


def _is_same(found: Listed | None, written: StoredRows | None) -> bool:
    if found is None or written is None:
        return found is None and written is None
    return found.size == written.size and written.etag in {found.etag, None}


def _striking_dates(plan: HistoryPlan, totals: list[ShardTotals]) -> tuple[StrikingDate, ...]:
    rows = sum(shard.rows_read - shard.other_country for shard in totals)
    return striking_dates((found for shard in totals for found in shard.frequent_dates), rows, plan.reading.last_day)


def _told(known: Listed | StoredRows | None) -> str:
    return "no object" if known is None else f"of {known.size:,} bytes (ETag {known.etag})"


def _check_rows(lake: Lake, keys: RunKeys, totals: list[ShardTotals]) -> None:
    """Check that the rows which shards have kept and rejected are in the lake, and no others."""
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
    reasons = [f"shard {failure.shard}: {failure.error}: {failure.message}" for failure in recorded]
    numbers = ", ".join(str(shard.number) for shard in missing[:_NAMED_SHARDS])
    more = "" if len(missing) <= _NAMED_SHARDS else " and more"
    return f"{len(missing)} of {expected} shards have no result (shard {numbers}{more}). " + " ".join(reasons)
