"""A deployment in an emulator of its own, for sequences of runs."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from benchmarks.ports import free_port
from benchmarks.states.models import Settings
from benchmarks.states.place import Answer, Ended
from local.quickstart.machine.record import Record
from local.quickstart.machine.workspace import ROOT, Workspace

_GATE = ("most_malformed_share", "most_rejected_rise", "least_kept_rows", "most_lost_segments")
_SECONDS, _PAUSE = 120, 0.1
_ROW = {
    "timestamp": "2018-07-01",
    "country_code": "Peru",
    "last_order_ts": None,
    "first_order_ts": None,
    "total_orders": "1",
    "voucher_amount": "1",
}


class Emulator:
    """A `benchmarks.states.place.Place`: the API starts each run, and the state machine makes it."""

    has_model = True

    def __init__(self, workspace: Workspace) -> None:
        deployed = Record.read(workspace.state).deployment
        if deployed is None:
            raise RuntimeError("expected a deployment in the emulator, found none: see the log above")
        self.s3, self.bucket = workspace.client("s3"), deployed.bucket
        self._table, self._dynamodb = deployed.table, workspace.client("dynamodb")
        base = deployed.api_url.replace("localhost", "127.0.0.1")
        self._client = httpx.Client(base_url=base, verify=False, timeout=60, trust_env=False)  # noqa: S501 - signed by itself

    def empty(self) -> None:
        """Remove what an earlier sequence left, but for the model that the API remembers."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            objects = [{"Key": found["Key"]} for found in page.get("Contents", [])]
            if objects:
                self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": objects})
        names = {"#p": "pk", "#s": "sk"}
        scanned = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._table, ProjectionExpression="#p, #s", ExpressionAttributeNames=names
        )
        for item in [item for page in scanned for item in page["Items"]]:
            self._dynamodb.delete_item(TableName=self._table, Key=item)

    def run(self, request: dict[str, Any]) -> Ended:
        """Run to the end."""
        answer = self.ask("executions", json.dumps(request))
        if answer.status != httpx.codes.ACCEPTED:
            return Ended("refused", str(answer.body), {})
        run_id = answer.body["run_id"]
        report = self._report_when_ended(run_id)
        return Ended(run_id, report["error"], report["summary"])

    def settle(self, name: str) -> dict[str, Any]:
        """Return what became of an object that was dropped into the inbox, when its last run has ended."""
        dropped_at = self.s3.head_object(Bucket=self.bucket, Key=f"inbox/{name}")["LastModified"].isoformat()
        deadline = time.monotonic() + _SECONDS
        while (result := self._result(name)) is None or result["dropped_at"].replace("Z", "+00:00") < dropped_at:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing became of inbox/{name} in {_SECONDS} s")
            time.sleep(_PAUSE)
        self._report_when_ended(result["run_id"])
        return result

    def ask(self, path: str, body: str | None = None) -> Answer:
        """Get a path of the API, or post a body to it."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        answer = self._client.request("GET" if body is None else "POST", path, content=body, headers=headers)
        return Answer(answer.status_code, answer.json())

    def _report_when_ended(self, run_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + _SECONDS
        while (report := self.ask(f"executions/{run_id}").body).get("status") in {None, "RUNNING"}:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{run_id} still runs after {_SECONDS} s: {report}")
            time.sleep(_PAUSE)
        found: dict[str, Any] = report
        return found

    def _result(self, name: str) -> dict[str, Any] | None:
        try:
            content = self.s3.get_object(Bucket=self.bucket, Key=f"inbox-results/{name}.json")["Body"].read()
        except ClientError:
            return None
        result: dict[str, Any] = json.loads(content)
        return result


@contextmanager
def started(settings: Settings) -> Iterator[Emulator]:
    """Have an emulator with a deployment of these settings, until the end of the block."""
    with TemporaryDirectory(prefix="states-") as folder:
        port, place = free_port(), Path(folder)
        pq.write_table(pa.Table.from_pylist([_ROW]), place / "history.parquet")
        (place / "segments.json").write_text(json.dumps(settings.segments))
        of_emulator = {"VOUCHER_SELECTION_STATE": str(place / "state"), "VOUCHER_SELECTION_PORT": str(port)}
        try:
            given = [f"--set={name}={value}" for name, value in _given(settings, place / "segments.json").items()]
            _quickstart(of_emulator, "run", "-d", "--source", str(place / "history.parquet"), *given)
            yield Emulator(Workspace(place / "state", port))
        finally:
            _quickstart(of_emulator, "stop")


def _given(settings: Settings, segments: Path) -> dict[str, object]:
    return {
        "countries": ",".join(settings.countries),
        "cur_date": settings.cur_date,
        "null_dates": ",".join(settings.null_dates),
        "segments_file": segments,
        "fallback": settings.fallback,
        "least_support": settings.least_support,
        "kept_versions": settings.kept_versions,
        "inbox": "true",
        "inbox_overlap": settings.inbox_overlap,
        "shard_target_rows": 4,
        "shards_per_merge": 2,
        "model_refresh_seconds": 0,
        **dict.fromkeys((*_GATE, "least_support_of_change"), "none"),
    }


def _quickstart(variables: dict[str, str], *arguments: str) -> None:
    subprocess.run([ROOT / "quickstart", *arguments], env=os.environ | variables, check=True)
