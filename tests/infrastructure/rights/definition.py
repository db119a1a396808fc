"""What a state machine asks of IAM, read from its definition: each task, each map, and its records."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.infrastructure.rights.named import ACCOUNT, REGION
from tests.infrastructure.rights.policies import Request
from voucher_selection.adapters.run_keys import RunKeys

type Parameters = Mapping[str, Any]

_RUN = "run-1"
# What states are given in the fields that name objects.
_KEYS = {"$.manifest_key": RunKeys(_RUN).manifest}


def asked_by_definition(definition: Mapping[str, Any], machine: str) -> Iterator[Request]:
    """Yield what a state machine with this definition and ARN asks of IAM.

    Raises
    ------
    KeyError
        A state uses a resource, or a field of its input, that has no entry here: add what AWS documents for it.
    """
    for state in _states(definition):
        if state["Type"] == "Task":
            yield from _asked_by_task(state)
        elif state["Type"] == "Map" and state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED":
            yield from _asked_by_map(state, machine)


def _states(definition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for state in definition["States"].values():
        yield state
        for inner in (*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])):
            yield from _states(inner)


def _asked_by_task(state: Mapping[str, Any]) -> Iterator[Request]:
    service = state["Resource"].partition(":states:::")[2]
    yield from _TASKS[service.partition(".")[0]](state.get("Parameters", {}))


def _asked_by_map(state: Mapping[str, Any], machine: str) -> Iterator[Request]:
    """Yield what a distributed map asks.

    The executions of its children have the ARN `execution:<machine>/<map>:<id>`. AWS's page of the map's policies has
    `execution:<machine>:*`: https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
    """
    yield Request("states:StartExecution", machine)
    execution = machine.replace(":stateMachine:", ":execution:")
    for action in ("states:DescribeExecution", "states:StopExecution"):
        yield Request(action, f"{execution}:{_RUN}")
        yield Request(action, f"{execution}/{state.get('Label', 'map')}:0f6c1b2a")
    if reader := state.get("ItemReader"):
        yield from _READERS[reader["Resource"].partition(":states:::")[2]](reader["Parameters"])
    if writer := state.get("ResultWriter"):
        given = writer["Parameters"]
        objects = f"arn:aws:s3:::{given['Bucket']}/{given['Prefix']}/0f6c1b2a/SUCCEEDED_0.json"
        for action in _RESULT_WRITER:
            yield Request(action, objects)


# https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html#resultwriter-iam-policies
_RESULT_WRITER = ("s3:PutObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload")


def _invoked(given: Parameters) -> Iterator[Request]:
    yield Request("lambda:InvokeFunction", given["FunctionName"])


def _put(given: Parameters) -> Iterator[Request]:
    yield Request("s3:PutObject", f"arn:aws:s3:::{given['Bucket']}/{_key(given)}")


def _read(given: Parameters) -> Iterator[Request]:
    yield Request("s3:GetObject", f"arn:aws:s3:::{given['Bucket']}/{_key(given)}")


def _published(given: Parameters) -> Iterator[Request]:
    yield Request("sns:Publish", given["TopicArn"])


def _put_events(given: Parameters) -> Iterator[Request]:
    for entry in given["Entries"]:
        bus = entry.get("EventBusName", "default")
        yield Request("events:PutEvents", f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{bus.rpartition('/')[2]}")


def _key(given: Parameters) -> str:
    """Return an object's key as it is in a run: `States.Format` puts the run's id and the shard into its braces."""
    if "Key" in given:
        return given["Key"]
    formed = re.fullmatch(r"States\.Format\('([^']*)'.*\)", given["Key.$"])
    return formed[1].replace("{}", _RUN) if formed else _KEYS[given["Key.$"]]


_TASKS: Mapping[str, Callable[[Parameters], Iterator[Request]]] = {
    "lambda:invoke": _invoked,
    "aws-sdk:s3:putObject": _put,
    "sns:publish": _published,
    "events:putEvents": _put_events,
}
_READERS: Mapping[str, Callable[[Parameters], Iterator[Request]]] = {"s3:getObject": _read}


def asked_by_observation(machine: Mapping[str, Any]) -> Iterator[Request]:
    """Yield what Step Functions asks to trace and to log executions, by the state machine's properties.

    https://docs.aws.amazon.com/step-functions/latest/dg/xray-iam.html
    https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html#cloudwatch-iam-policy
    """
    if machine.get("TracingConfiguration", {}).get("Enabled"):
        for action in ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets"):
            yield Request(f"xray:{action}", "*")
    if machine.get("LoggingConfiguration", {}).get("Destinations"):
        for action in _LOG_DELIVERY:
            yield Request(f"logs:{action}", "*")


_LOG_DELIVERY = (
    "CreateLogDelivery",
    "GetLogDelivery",
    "UpdateLogDelivery",
    "DeleteLogDelivery",
    "ListLogDeliveries",
    "PutResourcePolicy",
    "DescribeResourcePolicies",
    "DescribeLogGroups",
)
