"""The product as a user runs it: `./quickstart` against an emulator of its own, with HTTPS from outside."""

import json
import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx

ROOT = Path(__file__).parents[1]
START_SECONDS = 600


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
        return os.environ | {"VOUCHER_SELECTION_STATE": str(self.state), "VOUCHER_SELECTION_PORT": str(self.port)}

    def quickstart(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "quickstart", *arguments],
            env=self.environment,
            cwd=cwd or self.state,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

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

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.status_once["endpoint_url"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
