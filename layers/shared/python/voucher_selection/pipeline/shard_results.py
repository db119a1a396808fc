"""The results of a run's shards: check that each shard of the manifest has one that fits, and that there are no others.

Model reads the results of a run with one group of shards itself. With several groups, a map merges each first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from voucher_selection.adapters.lake import Lake, Listed, in_parallel
from voucher_selection.adapters.run_keys import END_OF_GROUP, RunKeys, beginning_of_group
from voucher_selection.adapters.state_machine import message_of
from voucher_selection.domain.errors import ShardsIncomplete
from voucher_selection.domain.plans import AssignPlan, HistoryPlan, Shard
from voucher_selection.domain.shard_groups import ShardGroup, in_groups
from voucher_selection.domain.stored_objects import StoredRows
from voucher_selection.domain.totals import GroupAssigned, GroupTotals, ShardAssigned, ShardTotals

# An execution's cause is cut at 32 KiB; the first failures are enough to find the fault.
_MOST_NAMED = 5


class Failure(BaseModel):
    """The reason why a shard or a group has no result, as the state machine records it."""

    shard: int | None = None
    group: int | None = None
    error: str
    cause: str

    def __str__(self) -> str:
        """Return the failure in words."""
        failed = f"shard {self.shard}" if self.group is None else f"group {self.group}"
        return f"{failed}: {self.error}: {message_of(self.cause)}"


def groups_of(lake: Lake, plan: HistoryPlan | AssignPlan) -> list[ShardGroup]:
    """Read the groups of a run's shards; raise `ShardsIncomplete` if they do not have the planned shards and rows."""
    keys = RunKeys(plan.run_id, plan.shards_per_group)
    if plan.groups == 1:
        shards = lake.read_json(keys.manifest, list[Shard])
        again = plan.shards_again if isinstance(plan, HistoryPlan) else 0
        _check_groups(plan, [shard.number for shard in shards], sum(shard.rows for shard in shards))
        return in_groups(shards, None, again)
    groups = lake.read_json(keys.shard_groups, list[ShardGroup])
    _check_groups(
        plan, sorted(number for group in groups for number in group.shards), sum(sum(group.rows) for group in groups)
    )
    return groups


def _check_groups(plan: HistoryPlan | AssignPlan, numbers: Sequence[int], rows: int) -> None:
    if numbers != list(range(plan.shards)) or rows != plan.rows:
        raise ShardsIncomplete(
            f"expected {plan.shards} shards with {plan.rows} rows, as planned, got a manifest of {len(numbers)} with"
            f" {rows}: a shard is missing or occurs twice"
        )


def shard_results[Result: (ShardTotals, ShardAssigned)](
    lake: Lake, keys: RunKeys, group: ShardGroup, kind: type[Result], folder: str, key_of: Callable[[int], str]
) -> list[Result]:
    """Return the results of a group's shards, after checking that each has one that adds up, and none is surplus.

    `folder` is the folder of the run's results, and `key_of` returns the key of a shard's result.
    """
    expected = {key_of(number): number for number in group.shards}
    listed = set(lake.list(beginning_of_group(keys, folder, group.number)))
    if missing := [number for key, number in expected.items() if key not in listed]:
        raise ShardsIncomplete(_why_missing(lake, keys, "shard", missing, len(expected)))
    if surplus := sorted(listed - expected.keys()):
        raise ShardsIncomplete(f"{len(surplus)} results belong to no shard of the manifest (the first: {surplus[0]})")
    found = in_parallel(lambda key: lake.read_json(key, kind), expected)
    for number, rows, result in zip(group.shards, group.rows, found, strict=True):
        read = result.rows_read if isinstance(result, ShardTotals) else result.rows
        _check_result(f"shard {number}", rows, result, fits=(result.shard, read) == (number, rows))
    return found


def group_results[Result: (GroupTotals, GroupAssigned)](
    lake: Lake,
    keys: RunKeys,
    groups: Sequence[ShardGroup],
    kind: type[Result],
    folder: str,
    key_of: Callable[[int], str],
) -> list[Result]:
    """Return the merged results of a run's groups, after checking that each has one that adds up.

    `folder` and `key_of` are those of `shard_results`: if a group has no result, its shards are looked for.
    """
    expected = [keys.merged(group.number) for group in groups]
    listed = set(lake.list(keys.all_merged))
    if missing := [group.number for group, key in zip(groups, expected, strict=True) if key not in listed]:
        _check_all_shards(lake, keys, groups, folder, key_of)
        raise ShardsIncomplete(_why_missing(lake, keys, "group", missing, len(groups)))
    found = in_parallel(lambda key: lake.read_json(key, kind), expected)
    for group, result in zip(groups, found, strict=True):
        read, rows = result.rows_read if isinstance(result, GroupTotals) else result.rows, sum(group.rows)
        _check_result(f"group {group.number}", rows, result, fits=(result.group, read) == (group.number, rows))
    return found


def _check_all_shards(
    lake: Lake, keys: RunKeys, groups: Iterable[ShardGroup], folder: str, key_of: Callable[[int], str]
) -> None:
    numbers = sorted(number for group in groups for number in group.shards)
    listed = set(lake.list(folder))
    if missing := [number for number in numbers if key_of(number) not in listed]:
        raise ShardsIncomplete(_why_missing(lake, keys, "shard", missing, len(numbers)))


def _check_result(name: str, rows: int, result: Any, *, fits: bool) -> None:  # noqa: ANN401 - any of the results
    if not fits or not result.add_up:
        raise ShardsIncomplete(f"{name} has {rows} rows, but its result is {result!r}")


def check_objects(found: Mapping[str, Listed], expected: Mapping[str, StoredRows]) -> None:
    """Raise `ShardsIncomplete` if an object that the shards wrote is missing or changed, or another was added."""
    differing = sorted(key for key in found.keys() | expected.keys() if not _is_same(found.get(key), expected.get(key)))
    if differing:
        key = differing[0]
        raise ShardsIncomplete(
            f"{len(differing)} objects differ from those that the shards wrote: {key} is {_described(found.get(key))},"
            f" expected {_described(expected.get(key))}: start the run again"
        )


def check_no_others(lake: Lake, folder: str, beginnings: Iterable[str]) -> None:
    """Raise `ShardsIncomplete` if the key of an object in a folder begins like those of no group.

    Each group's own objects are checked when it is merged.
    """
    if others := sorted(lake.beginnings(folder, END_OF_GROUP) - set(beginnings)):
        raise ShardsIncomplete(
            f"expected only objects of the run's groups in {folder}, got {len(others)} others (the first begins with"
            f" {others[0]}): start the run again"
        )


def _is_same(found: Listed | None, written: StoredRows | None) -> bool:
    if found is None or written is None:
        return found is None and written is None
    return found.size == written.size and written.etag in {found.etag, None}


def _described(known: Listed | StoredRows | None) -> str:
    return "no object" if known is None else f"an object of {known.size:,} bytes (ETag {known.etag})"


def _why_missing(lake: Lake, keys: RunKeys, kind: str, missing: Sequence[int], expected: int) -> str:
    recorded = in_parallel(lambda key: lake.read_json(key, Failure), list(lake.list(keys.failures))[:_MOST_NAMED])
    numbers = ", ".join(map(str, missing[:_MOST_NAMED]))
    more = "" if len(missing) <= _MOST_NAMED else " and more"
    reasons = " ".join(map(str, recorded))
    return f"{len(missing)} of {expected} {kind}s have no result ({kind} {numbers}{more}). {reasons}"
