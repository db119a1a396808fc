"""Groups of shards: the results of a group are merged first, those of the groups after that.

So nobody reads the results of all shards, however many a run has.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from voucher_selection.domain.plans import Shard


class ShardGroup(BaseModel):
    """Consecutive shards of a run; an item of the map that merges. `shards_per_group` is that of the run's plan.

    `rows` are the numbers of rows of its shards, in order. The first `again` of them have the rows of files that were
    counted before. A history is usually in the order of its days: then a group has few days, and so a small table of
    counts.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    shards_per_group: int | None
    rows: tuple[int, ...]
    again: int = 0

    @property
    def shards(self) -> range:
        """The numbers of its shards."""
        first = self.number * (self.shards_per_group or 0)
        return range(first, first + len(self.rows))


def size_of_groups(shards: int, most: int) -> int | None:
    """Return how many shards a group has, at most `most`; None if all shards are one group.

    Examples
    --------
    >>> size_of_groups(1_000, 500), size_of_groups(1_001, 500), size_of_groups(500, 500)
    (500, 334, None)
    """
    return None if shards <= most else -(-shards // -(-shards // most))


def in_groups(shards: Sequence[Shard], shards_per_group: int | None, again: int = 0) -> list[ShardGroup]:
    """Return the groups of shards that are numbered from 0; the first `again` shards were counted before."""
    size = shards_per_group or max(1, len(shards))
    return [
        ShardGroup(
            number=first // size,
            shards_per_group=shards_per_group,
            rows=tuple(shard.rows for shard in shards[first : first + size]),
            again=min(max(again - first, 0), size),
        )
        for first in range(0, max(1, len(shards)), size)
    ]
