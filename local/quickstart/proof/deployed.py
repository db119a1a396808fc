"""The deployment that a proof asks: its API, its runs, its bucket, its functions."""

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from infra_cdk.stages import Stage
from local.quickstart.aws.account import Account
from local.quickstart.aws.caller import Caller
from local.quickstart.machine.steps import StepError
from voucher_selection.adapters.state_machine import Execution, StateMachine

_RUN_SECONDS = 60 * 60
_NOTICE_SECONDS = 60
_PAUSE_SECONDS = 0.5
# Of an API with several environments each asks the catalog when it has to: so many answers in a row must agree.
_IN_A_ROW = 3


@dataclass(frozen=True)
class Deployed:
    """A stack that was deployed for a proof."""

    account: Account
    stage: Stage
    outputs: Mapping[str, str]
    stack: str

    @cached_property
    def caller(self) -> Caller:
        """Who asks its API."""
        return Caller(self.account, self.outputs, self.stage.auth)

    @cached_property
    def machine(self) -> StateMachine:
        """Its state machine."""
        return StateMachine(self.outputs["StateMachineArn"], self.account.client("stepfunctions"))

    @cached_property
    def s3(self) -> Any:  # noqa: ANN401 - a client
        """A client of S3."""
        return self.account.client("s3")

    @cached_property
    def functions(self) -> dict[str, str]:
        """The names of its functions by what they are, like `Clean`."""
        pages = self.account.client("cloudformation").get_paginator("list_stack_resources")
        found = [
            (resource["LogicalResourceId"], resource["PhysicalResourceId"])
            for page in pages.paginate(StackName=self.stack)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        ]
        names = ("Ingest", "Clean", "Assign", "Model", "WhatIf", "Api")
        return {
            name: physical for name in names for logical, physical in found if logical.startswith(f"Functions{name}")
        }

    def upload(self, name: str, content: bytes | pa.Table) -> str:
        """Put an object below `uploads/`; return its address."""
        bucket, key = self.outputs["BucketName"], f"uploads/{name}"
        self.s3.put_object(Bucket=bucket, Key=key, Body=_parquet(content) if isinstance(content, pa.Table) else content)
        return f"s3://{bucket}/{key}"

    def read_folder(self, address: str) -> pa.Table:
        """Return the rows of all parquet files below an address of the bucket."""
        bucket, _, prefix = address.removeprefix("s3://").partition("/")
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        files = (self.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys if ".parquet" in key)
        return pa.concat_tables(pq.read_table(pa.BufferReader(file)) for file in files)

    def start(self, request: Mapping[str, Any]) -> str:
        """Start a run; return its id."""
        return self.machine.start(request)

    def ended(self, run_id: str) -> Execution:
        """Return a run when it has ended; raise `StepError` if it still runs after an hour."""
        deadline = time.monotonic() + _RUN_SECONDS
        while not (execution := self.machine.execution(run_id)).ended:
            if time.monotonic() > deadline:
                raise StepError(f"{run_id} still runs after {_RUN_SECONDS // 60} minutes, in {execution.current}")
            time.sleep(_PAUSE_SECONDS)
        return execution

    def asked(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the body of an answer of the API; raise `StepError` if it is a problem."""
        answer = self.caller.ask(path, None if body is None else json.dumps(body))
        if not answer.is_good:
            raise StepError(f"{'GET' if body is None else 'POST'} /{path}: {answer.status}, {answer.text[:500]}")
        return answer.body

    def served_version(self) -> str:
        """Return the version that the API serves."""
        return str(self.asked("health")["model"]["version"])

    def await_version(self, version: str) -> str:
        """Wait until the API serves a version; return what it serves then, or in the end."""
        deadline, agreed, served = time.monotonic() + _NOTICE_SECONDS, 0, ""
        while agreed < _IN_A_ROW and time.monotonic() < deadline:
            served = self.served_version()
            agreed = agreed + 1 if served == version else 0
            if not agreed:
                time.sleep(_PAUSE_SECONDS)
        return served


def _parquet(table: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, compression="zstd", row_group_size=100_000)
    return file.getvalue()
