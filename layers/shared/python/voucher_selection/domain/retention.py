"""Retention: which versions of the model are kept for a rollback."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from voucher_selection.domain.model import Version


class Retention(NamedTuple):
    """How many versions are kept, and for how many days after the next newer one was published."""

    versions: int
    days: int

    def to_expire(self, newest_first: Sequence[Version], now: datetime) -> list[Version]:
        """Return the versions that may expire."""
        too_many = newest_first[self.versions :]
        too_old = [
            version
            for newer, version in pairwise(newest_first[: self.versions])
            if now - newer.published_at > timedelta(days=self.days)
        ]
        return [*too_old, *too_many]
