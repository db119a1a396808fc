"""The functions' logs, from CloudWatch Logs."""

from typing import TYPE_CHECKING

from local.quickstart.machine.steps import StepError
from local.quickstart.machine.workspace import Workspace

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient
    from types_boto3_logs import CloudWatchLogsClient


def last_lines(workspace: Workspace, function: str, lines: int) -> list[str]:
    """Return the last lines that a function logged; raise `StepError` if it has not run yet."""
    logs: CloudWatchLogsClient = workspace.client("logs")
    functions: LambdaClient = workspace.client("lambda")
    group = f"/aws/lambda/{_name(functions, function)}"
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        events = [event for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException as error:
        raise StepError(f"{function} has not run yet") from error
    events.sort(key=lambda event: event["timestamp"])
    return [line for event in events for line in event["message"].splitlines()][-lines:]


def _name(functions: "LambdaClient", function: str) -> str:
    for page in functions.get_paginator("list_functions").paginate():
        for found in page["Functions"]:
            if found["Handler"] == f"{function}.handler.lambda_handler":
                return found["FunctionName"]
    raise StepError(f"the stack has no function {function}")
