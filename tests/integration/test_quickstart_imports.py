"""What people wait for at every command: those that ask one question import nothing that takes long."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from local.quickstart.machine.record import Deployment, EmulatorProcess, Record
from local.quickstart.machine.workspace import ROOT

HEAVY = {"aws_cdk", "boto3", "botocore", "httpx", "jinja2", "numpy", "pandas", "pyarrow", "voucher_selection.pipeline"}
# Typer converts the options of a command with it, so that only the help can do without.
CONVERTS_OPTIONS = "pydantic"
LOOKUP = ("lookup", "--country", "Peru", "--segment-name", "recency_segment", "--last-order", "2018-05-03")
ROWS = {"rows_read": 9, "kept": 7, "other_country": 2, "rejected": {}, "other_countries": {"Chile": 2}}
STRIKING = {"column": "last_order_ts", "date": "1900-01-01", "rows": 3, "share": 0.5}
GIVEN = {"months": {"2018-07": 7}, "days": ["2018-07-01", "2018-07-31"]}
RUN = {
    "run_id": "run-1",
    "mode": "full",
    "status": "SUCCEEDED",
    "started_at": "2018-09-15T12:00:00+00:00",
    "seconds": 2.0,
    "states": [{"name": "Ingest", "seconds": 1.0}],
    "shards": 1,
    "groups": 0,
    "customers": None,
    "rows": ROWS,
    "summary": {"countries": ["Peru"], "assigned_on": GIVEN, "striking_dates": [STRIKING]},
    "error": None,
    "outcome": "published",
    "version": "version-1",
}
VOUCHER = {
    "customer_id": None,
    "country_code": "Peru",
    "basis": "segment",
    "segment": "121-180",
    "segment_name": "recency_segment",
    "voucher_amount": 2640.0,
    "share": 0.5,
    "support": 8,
    "model": {"version": "version-1", "cur_date": "2018-09-15"},
}
ANSWERS = {"executions": {"runs": [RUN]}, "run-1": RUN, "voucher": VOUCHER}


class _Api(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(ANSWERS[self.path.rpartition("/")[2]]).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a workspace with an emulator that is only a process, and the API that answers for it."""
    folder = tmp_path_factory.mktemp("state")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    arguments = ["process_emulator", "--port", str(server.server_port), "--state", str(folder / "emulator")]
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", *arguments])
    deployed = Deployment(
        fingerprint="", api_url="https://localhost/", state_machine_arn="arn:", bucket="bucket", table="table"
    )
    Record(EmulatorProcess(process.pid, server.server_port), deployed).write(folder)
    try:
        yield folder
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()


def quickstart(state: Path, *arguments: str, **variables: str) -> tuple[str, set[str]]:
    """Return what a command prints, and the modules that it imports."""
    path = f"{ROOT}{os.pathsep}{ROOT / 'layers/shared/python'}"
    environment = os.environ | {"VOUCHER_SELECTION_STATE": str(state), "PYTHONPATH": path, **variables}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "local.quickstart", *arguments],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    imported = [line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert "local.quickstart.cli" in imported
    return done.stdout, set(imported)


def test_the_help_loads_no_command(state: Path):
    said, imported = quickstart(state, "--help")

    assert "Ask the API which voucher amount a customer gets." in said
    assert imported & {*HEAVY, CONVERTS_OPTIONS, "infra_cdk.stages", "local.quickstart.commands.run"} == set()


def test_the_shell_gets_completions_from_the_command_that_is_typed(state: Path):
    typed = {"COMP_WORDS": "./quickstart lookup --cou", "COMP_CWORD": "2", "_QUICKSTART_COMPLETE": "complete_bash"}

    said, imported = quickstart(state, **typed)

    assert said.split() == ["--country"]
    assert imported & {*HEAVY, "infra_cdk.stages", "local.quickstart.commands.run"} == set()


def test_the_status_with_a_run_is_shown_without_aws_or_arrow(state: Path):
    said, imported = quickstart(state, "status")

    told = dict(line.split(maxsplit=1) for line in said.splitlines() if len(line.split(maxsplit=1)) == 2)
    assert (told["Given"], told["Model"]) == ("2018-07-01 to 2018-07-31: 2018-07 7", "version-1")
    assert "Chile 2" in said
    assert "1900-01-01 is the last_order_ts of 3 rows (50.0% of the countries' rows)." in said
    assert imported & {*HEAVY, "infra_cdk.stages"} == set()


def test_a_lookup_is_answered_without_aws_or_arrow(state: Path):
    said, imported = quickstart(state, *LOOKUP)

    assert said.startswith("The customer gets a voucher of 2640: ")
    assert imported & {*HEAVY, "infra_cdk.stages"} == set()
