"""Retention: which versions of the model stay for a rollback."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, Protocol


class Dated(Protocol):
    """A version, known by when it was published."""

    @property
    def published_at(self) -> datetime:
        """When it was."""


class Retention(NamedTuple):
    """How many versions stay, the newest first, and for how many days after the next newer one was published."""

    versions: int
    days: int

    def to_expire[Version: Dated](self, newest_first: Sequence[Version], now: datetime) -> list[Version]:
        """Return the versions that need not stay."""
        too_many = newest_first[self.versions :]
        too_old = [
            version
            for newer, version in pairwise(newest_first[: self.versions])
            if now - newer.published_at > timedelta(days=self.days)
        ]
        return [*too_old, *too_many]
