"""What the functions of a proof logged: how long each call took, and calls to AWS that were denied."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from botocore.exceptions import ClientError

from local.quickstart.proof.deployed import Deployed
from local.quickstart.proof.evidence import Evidence

PART = "Rights"
_DENIED = re.compile(r"AccessDenied|is not authorized to perform|UnauthorizedOperation|KMSAccessDenied")


class Report(NamedTuple):
    """What Lambda writes at the end of a call: milliseconds and MB; `start_ms` is None unless it started anew."""

    function: str
    duration_ms: float
    billed_ms: float
    memory_mb: float
    used_mb: float
    start_ms: float | None

    @classmethod
    def of(cls, function: str, line: str) -> Self:
        """Read a REPORT line."""
        fields = dict(field.partition(": ")[::2] for field in line.strip().split("\t"))
        numbers = {name: float(value.split()[0]) for name, value in fields.items() if value.endswith((" ms", " MB"))}
        return cls(
            function,
            duration_ms=numbers.get("Duration", 0),
            billed_ms=numbers.get("Billed Duration", 0),
            memory_mb=numbers.get("Memory Size", 0),
            used_mb=numbers.get("Max Memory Used", 0),
            start_ms=numbers.get("Init Duration", numbers.get("Restore Duration")),
        )


def read_logs(deployed: Deployed, evidence: Evidence) -> list[Report]:
    """Read every line of the functions' logs, check that none tells of a denied call, and return their reports."""
    reports, denied, lines = [], [], 0
    for function, name in deployed.functions.items():
        for line in _lines(deployed, name):
            lines += 1
            if line.startswith("REPORT "):
                reports.append(Report.of(function, line))
            elif _DENIED.search(line):
                denied.append(f"{function}: {line[:300]}")
    evidence.compare(PART, "denied calls in the functions' logs", [], denied, says=f"none in {lines:,} lines")
    if not lines:
        evidence.note("the functions' logs are empty or cannot be read: denied calls would not be seen")
    return reports


def _lines(deployed: Deployed, function: str) -> Iterator[str]:
    logs, functions = deployed.account.client("logs"), deployed.account.client("lambda")
    configured: Any = functions.get_function_configuration(FunctionName=function).get("LoggingConfig", {})
    # some implementations write to the default group whatever is configured
    for group in dict.fromkeys([configured.get("LogGroup"), f"/aws/lambda/{function}"]):
        if not group:
            continue
        try:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group):
                yield from (event["message"] for event in page["events"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
