"""Which versions need not stay: by their number, and by how long ago the next newer one was published."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest

from voucher_selection.domain.retention import Retention

NOW = datetime(2026, 1, 31, tzinfo=UTC)


class Published(NamedTuple):
    name: str
    published_at: datetime


def published(days_ago: dict[str, float]) -> list[Published]:
    return [Published(name, NOW - timedelta(days=days)) for name, days in days_ago.items()]


@pytest.mark.parametrize(
    ("retention", "over"),
    [
        (Retention(versions=4, days=1000), []),
        (Retention(versions=3, days=1000), ["v1"]),
        (Retention(versions=2, days=1000), ["v2", "v1"]),
        (Retention(versions=4, days=9), ["v1"]),
        (Retention(versions=4, days=3), ["v2", "v1"]),
        (Retention(versions=2, days=3), ["v2", "v1"]),
        (Retention(versions=4, days=2), ["v3", "v2", "v1"]),
    ],
)
def test_versions_that_are_too_many_or_were_replaced_too_long_ago_need_not_stay(retention: Retention, over: list[str]):
    versions = published({"v4": 2.5, "v3": 4, "v2": 10, "v1": 400})

    assert [version.name for version in retention.to_expire(versions, NOW)] == over


def test_the_newest_version_stays_however_old_it_is():
    assert Retention(versions=1, days=1).to_expire(published({"v1": 400}), NOW) == []


def test_a_version_that_was_served_for_long_stays_after_it_was_replaced():
    assert Retention(versions=9, days=30).to_expire(published({"v2": 0, "v1": 400}), NOW) == []


def test_a_version_stays_until_more_than_its_days_are_over():
    to_the_day, longer = published({"v2": 30, "v1": 400}), published({"v2": 30.1, "v1": 400})

    assert Retention(versions=9, days=30).to_expire(to_the_day, NOW) == []
    assert [version.name for version in Retention(versions=9, days=30).to_expire(longer, NOW)] == ["v1"]
