"""Watch: what it emits of a stage before and after its first publication, and of an API that does not answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.conftest import CONTEXT, SECOND, STARTED, Pipeline, load_handler
from tests.integration.test_emitted_metrics import emitted
from voucher_selection.domain.errors import CatalogUnavailable, NothingToRefresh

URL = "https://vouchers.example.com/health"


class Watch:
    """The function, and the addresses that it has asked."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.fault = ""
        self._capsys = capsys
        self.handler = load_handler("watch")
        monkeypatch.setattr(self.handler, "fault_of", self._fault_of)

    def _fault_of(self, url: str, _timeout: float) -> str:
        self.asked.append(url)
        return self.fault

    def __call__(self) -> dict[str, float]:
        """Look once; return the metrics, without that of a cold start."""
        self._capsys.readouterr()
        self.handler.lambda_handler({"source": "aws.events"}, CONTEXT)
        found = emitted("watch", self._capsys.readouterr().out)
        return {each.name: each.values[0] for each in found if each.name != "ColdStart"}


@pytest.fixture
def watch(aws: None, environment, capsys, monkeypatch) -> Watch:
    environment.setenv("HEALTH_URL", URL)
    return Watch(capsys, monkeypatch)


@pytest.fixture
def published(days: list[str], pipeline: Pipeline) -> dict[str, Any]:
    return pipeline.run("first", {"source": days[0]}, STARTED)


def test_before_the_first_publication_nothing_is_asked_and_nothing_failed(watch: Watch, pipeline: Pipeline):
    watch.fault = "expected 200, got 503"

    with pytest.raises(NothingToRefresh):
        pipeline.remodel("night", STARTED, scheduled=True)

    assert watch() == {"HealthCheckFailed": 0}
    assert watch.asked == []


def test_the_age_of_the_last_publication_and_an_api_that_answers(published, watch: Watch):
    found = watch()

    assert watch.asked == [URL]
    assert found.pop("HealthCheckFailed") == 0
    assert 0 < found.pop("PublicationAge") < 60
    assert not found


def test_an_api_that_does_not_answer_is_logged_with_the_reason(published, watch: Watch, caplog):
    watch.fault = "expected 200, got 502: bad gateway"

    assert watch()["HealthCheckFailed"] == 1
    assert "the API does not answer" in caplog.text


def test_a_rollback_is_no_publication(published, days, pipeline: Pipeline, catalog, watch: Watch):
    pipeline.run("second", {"source": days[1]}, STARTED + SECOND)
    before = watch()["PublicationAge"]

    pipeline.sum_up("back", {"mode": "rollback"}, STARTED + 2 * SECOND)

    assert catalog.served_version() == published["version"]
    newest = catalog.version(catalog.pointer().newest_version)
    assert before < watch()["PublicationAge"] < (datetime.now(UTC) - newest.published_at + timedelta(seconds=5)).seconds


def test_while_the_catalog_cannot_be_read_the_api_is_asked_all_the_same(published, watch: Watch, monkeypatch):
    def unreachable() -> None:
        raise CatalogUnavailable("DynamoDB does not answer")

    monkeypatch.setattr(watch.handler.catalog, "pointer", unreachable)

    assert watch() == {"HealthCheckFailed": 0}
    assert watch.asked == [URL]


def test_a_stage_without_a_health_check_asks_nobody(published, environment, capsys, monkeypatch):
    environment.setenv("HEALTH_URL", "")
    watch = Watch(capsys, monkeypatch)

    assert watch().keys() == {"PublicationAge"}
    assert watch.asked == []
