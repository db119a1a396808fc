"""`./quickstart drop`: which files go into the inbox under which names, and which result is that of a file."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local.quickstart.here.drop import check_inbox, drop, named, results
from local.quickstart.machine.steps import StepError
from tests.environment import BUCKET
from voucher_selection.adapters.inbox_objects import InboxObjects
from voucher_selection.adapters.lake import Lake
from voucher_selection.domain.inbox import Dropped
from voucher_selection.domain.inbox_results import InboxResult


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("days/monday.csv", "days/_temporary/half.csv", "days/.hidden", "days/notes.doc", "tuesday.csv"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    return tmp_path


def test_files_have_their_own_names_and_those_of_a_folder_the_folder_s_before(folder: Path):
    found = named([folder / "days", folder / "tuesday.csv"])

    assert found == {
        "days/monday.csv": folder / "days/monday.csv",
        "days/notes.doc": folder / "days/notes.doc",
        "tuesday.csv": folder / "tuesday.csv",
    }


def test_what_the_inbox_would_ignore_or_mix_up_is_refused(folder: Path):
    with pytest.raises(StepError, match=r"expected files with data, got 1 that the inbox ignores"):
        named([folder / "days/.hidden"])
    (folder / "other").mkdir()
    (folder / "other/tuesday.csv").write_text("other")
    with pytest.raises(StepError, match=r"would both be tuesday\.csv in the inbox"):
        named([folder / "tuesday.csv", folder / "other/tuesday.csv"])


def test_a_deployment_without_an_inbox_is_told_apart():
    def s3(**answer: Any) -> Any:
        return SimpleNamespace(get_bucket_notification_configuration=lambda **_: answer)

    check_inbox(BUCKET, s3(EventBridgeConfiguration={}))
    with pytest.raises(StepError, match=r"has no inbox: \./quickstart run -d --set inbox=true"):
        check_inbox(BUCKET, s3(TopicConfigurations=[]))


def test_a_result_is_that_of_this_drop_and_of_no_earlier_one(folder: Path, lake: Lake):
    inbox, since = InboxObjects(BUCKET, lake.client), time.time()
    (dropped,) = drop(named([folder / "tuesday.csv"]), BUCKET, lake.client)
    (found,) = inbox.unsettled()
    assert (found.name, found.etag, found.size) == (dropped.name, dropped.etag, 11)

    inbox.settle([result_of(found, "earlier", datetime.now(UTC) - timedelta(hours=1))])
    assert inbox.unsettled() == []
    inbox.settle([result_of(found.model_copy(update={"etag": "other"}), "other content", datetime.now(UTC))])
    later = iter(results([dropped], since, BUCKET, lake.client))
    with pytest.MonkeyPatch.context() as patch:
        now = result_of(found, "now", datetime.now(UTC))
        patch.setattr("local.quickstart.here.drop.time.sleep", lambda _: inbox.settle([now]))
        assert [result.message for result in later] == ["now"]


def result_of(dropped: Dropped, message: str, settled_at: datetime) -> InboxResult:
    nothing: dict[str, Any] = dict.fromkeys(("error", "run_id", "version", "rows", "run"))
    return InboxResult(
        **dropped.model_dump(), **nothing, status="counted_before", message=message, settled_at=settled_at
    )
