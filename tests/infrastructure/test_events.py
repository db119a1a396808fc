"""The events of runs: what the state machine sends is what the schemas in docs/events promise."""

import re
from typing import Any

import jsonschema_rs
import pytest

from tests.sent_events import check_event, schema_of
from voucher_selection.contract.events import EVENTS, SOURCE, Event
from voucher_selection.contract.runs import HELD_BACK, NOTHING_TO_REFRESH
from voucher_selection.domain import errors

EXECUTION = {
    "Execution": {"Name": "run-1", "StartTime": "2026-11-30T17:43:17.593Z"},
    "State": {"EnteredTime": "2026-11-30T17:43:18.981Z"},
}
FACTS = {"stack": "VoucherSelection-prod", "stage": "prod", "bucket": "LakeBucket"}
PUBLISHED = {
    "mode": "full",
    "published": True,
    "version": "20261130T174317593Z-run-1",
    "cur_date": "2026-11-30",
    "countries": ["Latvia", "Peru"],
    "finished_at": "2026-11-30T17:43:18.489061Z",
}
FAILED = {"Error": "NotParquet", "Cause": '{"errorMessage": "a.csv is not a parquet file"}'}


@pytest.fixture
def states(prod, definition_of) -> dict[str, Any]:
    return definition_of(prod)["States"]


def value_of(path: str, state_input: Any) -> Any:
    """What a path of a state's parameters gives; a key that is not there is an error, as in Step Functions."""
    if formatted := re.fullmatch(r"States\.Format\('(.*)', (.+)\)", path):
        return formatted[1].replace("{}", value_of(formatted[2], state_input))
    root, steps = (EXECUTION, path.removeprefix("$$.")) if path.startswith("$$.") else (state_input, path[2:])
    for step in steps.split("."):
        root = root[step]
    return root


def sent(state: Any, state_input: Any) -> dict[str, Any]:
    """The event that a state sends, as EventBridge delivers it."""
    (entry,) = state["Parameters"]["Entries"]
    assert entry.keys() == {"Detail", "DetailType", "Source"}, "without a bus, it is the account's default one"
    detail = {
        name.removesuffix(".$"): value_of(value, state_input) if name.endswith(".$") else value
        for name, value in entry["Detail"].items()
    }
    return {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": detail}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_a_schema_is_valid_and_describes_every_key(event: Event):
    schema = schema_of(event.name)
    assert jsonschema_rs.meta.is_valid(schema)

    detail = schema["properties"]["detail"]
    assert detail["required"] == [*detail["properties"]] == [field.name for field in event.fields]
    assert all(described["description"] for described in detail["properties"].values())


def test_the_event_of_a_publication_is_as_its_schema_says(states):
    found = sent(states["SendModelPublished"], PUBLISHED)

    check_event(found)
    assert found == {
        "source": SOURCE,
        "detail-type": "ModelPublished",
        "detail": {
            "stack": "VoucherSelection-prod",
            "stage": "prod",
            "run_id": "run-1",
            "started_at": "2026-11-30T17:43:17.593Z",
            **{name: value for name, value in PUBLISHED.items() if name != "published"},
        },
    }


@pytest.mark.parametrize("event", EVENTS[1:], ids=lambda event: event.name)
def test_the_event_of_a_failure_is_as_its_schema_says(states, event: Event):
    found = sent(states[f"Send{event.name}"], FAILED)

    check_event(found)
    assert (found["source"], found["detail-type"]) == (SOURCE, event.name)
    assert found["detail"] == {
        **FACTS,
        "run_id": "run-1",
        "started_at": "2026-11-30T17:43:17.593Z",
        "failed_at": "2026-11-30T17:43:18.981Z",
        "error": "NotParquet",
        "cause": FAILED["Cause"],
        "record": "runs/run_id=run-1/run.json",
    }


def test_a_key_that_a_run_lacks_and_a_time_that_is_none_would_be_noticed(states):
    with pytest.raises(KeyError, match="cur_date"):
        sent(states["SendModelPublished"], {name: value for name, value in PUBLISHED.items() if name != "cur_date"})

    event = sent(states["SendRunFailed"], FAILED)
    for wrong, says in [({"failed_at": "yesterday"}, "date-time"), ({"place": "here"}, "Additional properties")]:
        with pytest.raises(jsonschema_rs.ValidationError, match=says):
            check_event({**event, "detail": {**event["detail"], **wrong}})
    del event["detail"]["cause"]
    with pytest.raises(jsonschema_rs.ValidationError, match='"cause" is a required property'):
        check_event(event)


def test_only_a_model_that_is_served_now_is_published(states):
    assert states["ByOutcome"]["Choices"] == [
        {"Variable": "$.published", "BooleanEquals": True, "Next": "SendModelPublished"}
    ]
    assert states["ByOutcome"]["Default"] == states["SendModelPublished"]["Next"] == "RunEnded"
    assert states["RunEnded"] == {"Type": "Succeed"}


def test_each_failure_has_the_event_of_its_kind_and_a_stage_without_a_model_has_none(states):
    held_back, too_early = states["ByFailure"]["Choices"]

    assert {condition["StringEquals"] for condition in held_back["Or"]} == {*HELD_BACK}
    assert held_back["Next"] == "SendModelHeldBack"
    assert too_early == {"Variable": "$.Error", "StringEquals": NOTHING_TO_REFRESH, "Next": "ByError"}
    assert states["ByFailure"]["Default"] == "SendRunFailed"
    assert {states[f"Send{event.name}"]["Next"] for event in EVENTS[1:]} == {"ByError"}


def test_the_errors_that_hold_a_run_back_are_those_of_their_class():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.HeldBack)]

    assert {kind.__name__ for kind in kinds} == {*HELD_BACK}
    assert errors.NothingToRefresh.__name__ == NOTHING_TO_REFRESH


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_an_event_that_is_not_sent_neither_fails_the_run_nor_changes_its_result(states, event: Event):
    state = states[f"Send{event.name}"]

    assert state["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": state["Next"]}]
    assert state["ResultPath"] is None
    assert state["Resource"] == "arn:aws:states:::events:putEvents"
    waits = sum(2**attempt for attempt in range(state["Retry"][0]["MaxAttempts"]))
    assert waits <= 3, "a run ends soon, also where events cannot be sent"
