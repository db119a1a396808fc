"""When a model was last published: the newest version says it, and the served one if that has expired."""

from datetime import UTC, datetime
from types import SimpleNamespace

from voucher_selection.api.publications import last_published_at
from voucher_selection.domain.errors import NoModel

OLD, NEW = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)


class RolledBack:
    """A catalog that serves the older version again."""

    def __init__(self, **published_at: datetime) -> None:
        self._published_at = published_at

    def pointer(self) -> SimpleNamespace:
        if not self._published_at:
            raise NoModel
        return SimpleNamespace(version="old", newest_version="new")

    def version(self, name: str) -> SimpleNamespace:
        if name not in self._published_at:
            raise NoModel
        return SimpleNamespace(published_at=self._published_at[name])


def test_the_newest_version_counts_and_not_the_one_that_is_served_again():
    assert last_published_at(RolledBack(old=OLD, new=NEW)) == NEW


def test_the_served_version_counts_once_the_newest_has_expired():
    assert last_published_at(RolledBack(old=OLD)) == OLD


def test_before_the_first_publication_there_is_no_time():
    assert last_published_at(RolledBack()) is None
