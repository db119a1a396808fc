"""`./quickstart rollback`: an earlier version of the model is served again."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from local.quickstart.proof.reference import answer
from tests.product import Product
from tests.sent_events import check_event

EARLIER, LATER = "2018-08-01", "2018-09-15"


def asked(product: Product, *arguments: str, exit_code: int = 0) -> Any:
    done = product.quickstart(*arguments, "--json")
    assert done.returncode == exit_code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def two_versions(product: Product, sample: Path) -> tuple[str, str]:
    """The versions of two dates; the later one is served."""
    earlier = asked(product, "run", "--source", str(sample), "--cur-date", EARLIER)["run"]["version"]
    later = asked(product, "remodel", "--cur-date", LATER)["run"]["version"]
    return earlier, later


def served(product: Product) -> dict[str, Any]:
    return product.request("GET", "selection_criteria").json()


def sent(product: Product, run_id: str) -> dict[str, Any]:
    """The event of a run, as its state machine gave it to EventBridge and as its schema says."""
    machine = product.status_once["state_machine_arn"]
    history = product.client("stepfunctions").get_execution_history(
        executionArn=f"{machine.replace(':stateMachine:', ':execution:')}:{run_id}"
    )["events"]
    scheduled = [event["taskScheduledEventDetails"] for event in history if "taskScheduledEventDetails" in event]
    (parameters,) = (json.loads(task["parameters"]) for task in scheduled if task["resourceType"] == "events")
    (entry,) = parameters["Entries"]
    event = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": entry["Detail"]}
    accepted = [event["taskSucceededEventDetails"] for event in history if "taskSucceededEventDetails" in event]
    assert [task["resource"] for task in accepted if task["resourceType"] == "events"] == ["putEvents"]
    check_event(event)
    return event


def test_without_a_version_the_one_served_before_is_served_again(
    product: Product, two_versions: tuple[str, str], sample: Path
):
    earlier, later = two_versions

    told = asked(product, "rollback")

    assert (told["run"]["mode"], told["run"]["outcome"], told["run"]["published"]) == ("rollback", "published", True)
    assert (told["run"]["summary"]["served_version"], told["previous_version"]) == (earlier, later)
    found = served(product)
    assert (found["model"]["version"], found["model"]["cur_date"]) == (earlier, EARLIER)
    assert product.served_amounts() == answer(pq.read_table(sample), "Peru", date.fromisoformat(EARLIER))[1]
    known = {version["version"]: version for version in asked(product, "versions")["versions"]}
    assert known[earlier]["is_served"]
    assert known[later]["is_previous"]
    event = sent(product, told["run"]["run_id"])
    assert (event["detail-type"], event["detail"]["mode"]) == ("ModelPublished", "rollback")
    assert (event["detail"]["version"], event["detail"]["cur_date"]) == (earlier, EARLIER)


def test_a_rollback_again_returns_to_the_later_one(product: Product, two_versions: tuple[str, str]):
    earlier, later = two_versions
    product.quickstart("rollback")

    done = product.quickstart("rollback")

    assert done.returncode == 0, done.stderr
    assert f"Version {later} is served again" in done.stdout
    assert f"Served before: {earlier}" in done.stdout
    assert served(product)["model"]["version"] == later


def test_a_version_that_is_served_already_stays(product: Product, two_versions: tuple[str, str]):
    _, later = two_versions

    done = product.quickstart("rollback", later)

    assert done.returncode == 0, done.stderr
    assert f"It was served already: {later}" in done.stdout
    assert asked(product, "runs", "-n", "1")["runs"][0]["outcome"] == "nothing_new"


def test_a_version_that_there_is_not_fails_and_changes_nothing(product: Product, two_versions: tuple[str, str]):
    _, later = two_versions

    failure = asked(product, "rollback", "20000101T000000000Z-none", exit_code=1)["error"]

    assert (failure["state"], failure["error"]) == ("Model", "NoVersion")
    event = sent(product, failure["run_id"])
    assert (event["detail-type"], event["detail"]["error"]) == ("RunFailed", "NoVersion")
    assert served(product)["model"]["version"] == later
