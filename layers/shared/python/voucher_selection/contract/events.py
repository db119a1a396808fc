"""The events that a run sends to the account's default bus when it ends: their names, and each key of their detail.

The state machine makes the details from this list, and docs/events has its JSON Schemas.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from voucher_selection.contract.bucket import RUNS, SUMMARY, run_folder

SOURCE = "voucher-selection"
"""The source of every event."""

_TEXT = {"type": "string"}
_MOMENT = {"type": "string", "format": "date-time"}
_DATE = {"type": ["string", "null"], "format": "date"}
_TEXTS = {"type": ["array", "null"], "items": {"type": "string"}}


class Field(NamedTuple):
    """A key of an event's detail: its JSON Schema, what it says, and where the state machine has its value.

    `path` is empty for a fact of the deployment, which the stack knows.
    """

    name: str
    path: str
    schema: Mapping[str, Any]
    says: str


class Event(NamedTuple):
    """An event: its name, which is its `detail-type`, when it is sent, and the keys of its detail."""

    name: str
    says: str
    fields: tuple[Field, ...]


_OF_EVERY_RUN = (
    Field("stack", "", _TEXT, "The stack's name"),
    Field("stage", "", _TEXT, "The stage, like `prod`"),
    Field("run_id", "$$.Execution.Name", _TEXT, "The run"),
    Field("started_at", "$$.Execution.StartTime", _MOMENT, "When the run started"),
)
_OF_A_FAILURE = (
    *_OF_EVERY_RUN,
    Field("failed_at", "$$.State.EnteredTime", _MOMENT, "When the run ended"),
    Field("error", "$.Error", _TEXT, "The error, like `NotParquet`; docs/reference/errors.md explains each of ours"),
    Field("cause", "$.Cause", _TEXT, "What was expected, what came and what to do; JSON with `errorMessage` if ours"),
    Field("bucket", "", _TEXT, "The bucket that has the run's record"),
    Field(
        "record",
        f"States.Format('{run_folder(RUNS, '{}')}/{SUMMARY}', $$.Execution.Name)",
        _TEXT,
        "The key of the run's record, which has its input",
    ),
)

MODEL_PUBLISHED = Event(
    "ModelPublished",
    "Another version is served: of a run, a refresh, an approval or a rollback.",
    (
        *_OF_EVERY_RUN,
        Field("finished_at", "$.finished_at", _MOMENT, "When the run ended"),
        Field("mode", "$.mode", _TEXT, "The kind of run, like `full` or `rollback`"),
        Field("version", "$.version", _TEXT, "The version that is served now"),
        Field("cur_date", "$.cur_date", _DATE, "The model's CUR_DATE; null if the run is of an older version"),
        Field("countries", "$.countries", _TEXTS, "The model's countries; null if the run is of an older version"),
    ),
)
MODEL_HELD_BACK = Event(
    "ModelHeldBack",
    "A run or the daily refresh was held back. The served model stays.",
    _OF_A_FAILURE,
)
RUN_FAILED = Event(
    "RunFailed",
    "A run failed for another reason. Neither a run that somebody stopped nor one that took too long sends it.",
    _OF_A_FAILURE,
)

EVENTS = (MODEL_PUBLISHED, MODEL_HELD_BACK, RUN_FAILED)
