"""The product as a user runs it: `./quickstart` against an emulator of its own, with HTTPS from outside."""

import json
import os
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx

ROOT = Path(__file__).parents[1]
START_SECONDS = 600
RUN_SECONDS = 60
# Three rows in as many row groups are three shards.
KEYED_SETTINGS = ("--set", "auth=api_key", "--set", "shard_target_rows=1")
# How long an environment of the API serves what it has read before it asks again (`model_refresh_seconds`).
REFRESH_SECONDS = 1


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Product:
    """A running deployment."""

    state: Path
    port: int

    @property
    def environment(self) -> dict[str, str]:
        # A width that pytest tells its processes is not for what is read here.
        inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        return inherited | {"VOUCHER_SELECTION_STATE": str(self.state), "VOUCHER_SELECTION_PORT": str(self.port)}

    def quickstart(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        if arguments[0] in {"run", "stop"}:
            self.forget()
        return subprocess.run(
            [ROOT / "quickstart", *arguments],
            env=self.environment,
            cwd=cwd or self.state,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    def forget(self) -> None:
        """Ask for the deployment anew: what is known of it may be over."""
        self.__dict__.pop("_status", None)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = self.quickstart("run", "-d", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def status(self) -> dict[str, Any]:
        return json.loads(self.quickstart("status", "--json").stdout)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        # The emulator signs its certificate itself.
        return httpx.request(method, self.status_once["api_url"] + path, verify=False, timeout=60, **options)

    @property
    def status_once(self) -> dict[str, Any]:
        if not hasattr(self, "_status"):
            self._status = self.status()
        return self._status

    def lookup(self, **fields: Any) -> httpx.Response:
        return self.request("POST", "voucher", json=fields)

    @property
    def key(self) -> dict[str, str]:
        """The header with the API key; none where the deployment has no key."""
        key = self.status_once["api_key"]
        return {"x-api-key": key} if key else {}

    def upload(self, name: str, content: bytes) -> str:
        """Put an object into the deployment's bucket and return its address."""
        bucket = self.status_once["bucket"]
        self.client("s3").put_object(Bucket=bucket, Key=f"uploads/{name}", Body=content)
        return f"s3://{bucket}/uploads/{name}"

    def execute(self, **request: Any) -> dict[str, Any]:
        """Start a run through the API, wait until it has ended, and return what the API tells of it."""
        started = self.request("POST", "executions", json=request, headers=self.key)
        assert started.status_code == 202, started.text
        return self.ended(started.json()["run_id"])

    def ended(self, run_id: str) -> dict[str, Any]:
        """Return what the API tells of a run when it has ended and every lookup knows of its model."""
        deadline = time.monotonic() + RUN_SECONDS
        while (run := self.request("GET", f"executions/{run_id}", headers=self.key).json())["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{run_id} still runs after {RUN_SECONDS} s: {run}"
            time.sleep(0.2)
        time.sleep(REFRESH_SECONDS)
        return run

    def served_amounts(self) -> dict[tuple[str, str], dict[float, int]]:
        """Return how often each amount is behind what is served, by segmentation and segment."""
        segments = self.request("GET", "selection_criteria").json()["segments"]
        return {
            (row["segment_name"], row["segment"]): {
                given["voucher_amount"]: given["count"] for given in row["assignments"]
            }
            for row in segments
        }

    def served_version(self) -> str:
        return self.request("GET", "health").json()["model"]["version"]

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.status_once["endpoint_url"],
            region_name=self.status_once["region"],
            aws_access_key_id=self.status_once["access_key_id"],
            aws_secret_access_key=self.status_once["secret_access_key"],
        )
