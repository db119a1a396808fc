"""Merge a group of shards, as the kind of its run asks. Runs of one group leave that to their last step."""

from collections.abc import Callable, Mapping

from voucher_selection.adapters.lake import Lake
from voucher_selection.contract.runs import INGEST, modes_through
from voucher_selection.domain.shard_groups import ShardGroup
from voucher_selection.pipeline.assigning import merge_assigned_group
from voucher_selection.pipeline.merging import merge_group

MERGERS: Mapping[str, Callable[[Lake, str, ShardGroup], None]] = {
    "full": merge_group,
    "append": merge_group,
    "assign": merge_assigned_group,
}
"""The function of each kind of run that has shards: it takes the lake, the run's id and the group."""

if MERGERS.keys() != modes_through(INGEST):
    raise TypeError("expected a way to merge the shards of exactly the kinds of run that have some")
