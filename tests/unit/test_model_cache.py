"""The model in memory: when the catalog is asked, by whom, and what is served while it does not answer."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models import model_of
from voucher_selection.adapters.catalog_items import Pointer
from voucher_selection.api.model_cache import CatalogUnreachable, ModelCache
from voucher_selection.domain.errors import CatalogUnavailable, NoModel, UnreadableItem
from voucher_selection.domain.model import Model

SECONDS = 5.0


class FakeCatalog:
    """A catalog that counts what it is asked, and can be made unreachable, empty or slow."""

    def __init__(self, version: str | None = "v1") -> None:
        self.version = version
        self.is_reachable = True
        self.previous_version: str | None = None
        self.unreadable: set[str] = set()
        self.asked = self.read_count = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def pointer(self) -> Pointer:
        self.asked += 1
        self.may_answer.wait(10)
        if not self.is_reachable:
            raise CatalogUnavailable("table test does not answer")
        if self.version is None:
            raise NoModel("none has been published")
        return Pointer(self.version, self.previous_version, self.version)

    def read(self, version: str) -> Model:
        self.read_count += 1
        if version in self.unreadable:
            raise UnreadableItem(f"version {version} cannot be read")
        return model_of(version=version, published_at=datetime.now(UTC))


class FakeClock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def catalog() -> FakeCatalog:
    return FakeCatalog()


@pytest.fixture
def models(catalog: FakeCatalog, clock: FakeClock) -> ModelCache:
    return ModelCache(catalog, SECONDS, clock)


def test_within_the_interval_the_catalog_is_asked_once(models, catalog, clock):
    for _ in range(100):
        models.current()
        clock.now += SECONDS * 0.8 / 101

    assert (catalog.asked, catalog.read_count) == (1, 1)


def test_a_version_that_is_still_served_is_not_read_again(models, catalog, clock):
    first = models.current()
    clock.now += SECONDS

    assert models.current() is first
    assert (catalog.asked, catalog.read_count) == (2, 1)


def test_a_new_version_is_served_after_the_interval(models, catalog, clock):
    assert models.current().version == "v1"
    catalog.version = "v2"
    clock.now += SECONDS

    assert models.current().version == "v2"


@given(st.floats(0, 0.79))
def test_no_environment_asks_before_four_fifths_of_the_interval(part):
    catalog, clock = FakeCatalog(), FakeClock()
    models = ModelCache(catalog, SECONDS, clock)
    models.current()
    clock.now += part * SECONDS
    models.current()

    assert catalog.asked == 1


def test_environments_that_started_together_do_not_ask_together(clock):
    catalogs = [FakeCatalog() for _ in range(200)]
    caches = [ModelCache(catalog, SECONDS, clock) for catalog in catalogs]
    for cache in caches:
        cache.current()
    clock.now += SECONDS * 0.9
    for cache in caches:
        cache.current()

    assert 50 < sum(catalog.asked == 2 for catalog in catalogs) < 150


def test_a_clock_that_is_set_back_does_not_keep_an_old_model(models, catalog, clock):
    models.current()
    catalog.version = "v2"
    clock.now -= 3600

    assert models.current().version == "v2"


def test_an_unreachable_catalog_is_asked_once_per_interval(models, catalog, clock):
    models.current()
    catalog.is_reachable = False
    clock.now += SECONDS
    versions = {models.current().version for _ in range(50)}

    assert (versions, catalog.asked) == ({"v1"}, 2)


def test_the_age_of_what_is_known_is_told_until_the_catalog_answers_again(models, catalog, clock):
    models.current()
    assert models.stale_seconds is None
    catalog.is_reachable = False
    clock.now += 60
    models.current()
    clock.now += 3
    assert models.stale_seconds == 63

    catalog.is_reachable = True
    clock.now += SECONDS
    models.current()

    assert models.stale_seconds is None


def test_a_version_that_cannot_be_read_does_not_replace_the_one_that_is_known(models, catalog, clock):
    models.current()
    catalog.version, catalog.unreadable = "v2", {"v2"}
    clock.now += SECONDS

    assert models.current().version == "v1"
    assert models.stale_seconds is not None


def test_without_a_model_the_version_before_is_served_while_the_served_one_cannot_be_read(models, catalog, clock):
    catalog.version, catalog.previous_version, catalog.unreadable = "v2", "v1", {"v2"}

    assert models.current().version == "v1"
    assert models.stale_seconds is not None

    catalog.unreadable = set()
    clock.now += SECONDS

    assert (models.current().version, models.stale_seconds) == ("v2", None)


def test_without_a_model_an_unreachable_catalog_slows_one_request_per_interval(models, catalog, clock):
    catalog.is_reachable = False
    for _ in range(50):
        with pytest.raises(CatalogUnreachable):
            models.current()
    assert catalog.asked == 1

    catalog.is_reachable = True
    clock.now += SECONDS

    assert models.current().version == "v1"


def test_the_first_model_is_served_as_soon_as_it_is_published(models, catalog):
    catalog.version = None
    with pytest.raises(NoModel):
        models.current()
    catalog.version = "v1"

    assert models.current().version == "v1"


def test_while_one_thread_asks_the_others_are_served_what_is_known(models, catalog, clock):
    models.current()
    catalog.version = "v2"
    catalog.may_answer.clear()
    clock.now += SECONDS

    with ThreadPoolExecutor(8) as threads:
        asking = threads.submit(models.current)
        while catalog.asked < 2:
            time.sleep(0.001)
        others = {threads.submit(models.current).result(timeout=5).version for _ in range(50)}
        catalog.may_answer.set()

        assert (others, asking.result(timeout=5).version, catalog.asked) == ({"v1"}, "v2", 2)


def test_threads_that_have_no_model_wait_for_the_one_that_reads_it(models, catalog):
    catalog.may_answer.clear()

    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(models.current) for _ in range(8)]
        catalog.may_answer.set()

        assert {future.result(timeout=5).version for future in waiting} == {"v1"}
    assert (catalog.asked, catalog.read_count) == (1, 1)
