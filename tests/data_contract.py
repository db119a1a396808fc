"""Check contract.odcs.yaml with the tool of its standard, against what runs write: `./quickstart check contract`.

    python -m tests.data_contract

A history and customers go through the pipeline, with stores in memory. Its files are written to a folder as they would
be to the bucket. Each schema of the contract gets a view of the files that the contract names, and `datacontract test`
compares columns, types and rules. The history has rows that break rules about cells, so these warnings must come.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
import yaml

from local.quickstart.machine.toolchain import CONTRACT_ENVIRONMENT
from local.quickstart.machine.workspace import ROOT
from local.quickstart.proof.reference import RULES
from tests.customers import case
from tests.histories import history, parquet_bytes, repeated
from tests.memory_runs import Deployment, StageSettings
from voucher_selection.domain.data_contract import CONTRACT, CUSTOMERS, HISTORY

TOOL = CONTRACT_ENVIRONMENT / "bin/datacontract"
SENT = {HISTORY: "uploads/history.parquet", CUSTOMERS: "uploads/customers.parquet"}
# The rules about cells that a row of the history breaks, by schema and column.
REJECTED = {
    (HISTORY, "total_orders", "malformed"),
    (HISTORY, "total_orders", "null_total_orders"),
    (HISTORY, "voucher_amount", "null_voucher_amount"),
}
# DuckDB's oldest form, which the older version in the tool's environment reads too.
FORM = "v1.2.0"


def written(folder: Path) -> dict[str, str]:
    """Write what is sent, and what runs of each kind make of it, as in the bucket; return the run of some schemas."""
    rows = [
        *repeated(4, voucher_amount=2640.0),
        {"voucher_amount": 3520.0, "timestamp": None},
        *(rule.example for rule in RULES.values()),
    ]
    with StageSettings.of() as settings:
        deployment = Deployment(settings)
        deployment.objects[SENT[HISTORY]] = parquet_bytes(history(*rows))
        deployment.run(SENT[HISTORY])
        runs = {}
        for name, ids in (("assigned", pa.array([1, None])), ("assigned_text_ids", pa.array(["C-4711", "C-4712"]))):
            named = [case(), case(country_code="Latvia")]
            table = pa.table({"customer_id": ids} | {column: [row[column] for row in named] for column in case()})
            deployment.objects[SENT[CUSTOMERS]] = parquet_bytes(table)
            runs[name] = deployment.assign(SENT[CUSTOMERS])
    for key, content in deployment.objects.items():
        file = folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return runs


def places(contract: dict[str, Any], runs: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the name of each schema with the place of its files below the bucket's address, of some those of a run."""
    for name in (schema["name"] for schema in contract["schema"]):
        if name in SENT:
            yield name, SENT[name]
            continue
        (location,) = (server["location"] for server in contract["servers"] if f"`{name}`" in server["description"])
        place = location.removeprefix("s3://${BUCKET}/").replace("{model}", name)
        yield name, place.replace("run_id=*", f"run_id={runs.get(name, '*')}")


def made_database(folder: Path, contract: dict[str, Any], runs: dict[str, str]) -> Path:
    """Make a database with a view of each schema's files."""
    file = folder / "contract.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{file}' AS views (STORAGE_VERSION '{FORM}')")
        for name, place in places(contract, runs):
            files = f"'{folder / place}', hive_types_autocast = false"
            connection.execute(f"CREATE VIEW views.{name} AS FROM read_parquet({files})")
    return file


def found(folder: Path, database: Path) -> list[dict[str, Any]]:
    """Let the tool test all schemas; return its checks."""
    report = folder / "report.json"
    command = [TOOL, "test", CONTRACT, "--server", "database", "--output-format", "json", "--output", report]
    variables = os.environ | {"DATABASE": str(database)}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    if not report.is_file():
        sys.exit(f"datacontract ended with {done.returncode} and without a report:\n{done.stdout}{done.stderr}")
    return json.loads(report.read_text())["checks"]


def faults(checks: list[dict[str, Any]], contract: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong: a check that did not pass, a warning that did not come, a schema without checks."""
    expected, checked = set(REJECTED), {check["model"] for check in checks}
    for check in checks:
        place = (check["model"], check["field"], check["qualityId"])
        if check["result"] == "warning" and place in expected:
            expected.remove(place)
        elif check["result"] != "passed":
            yield f"{check['model']} {check['field'] or ''}: {check['name']}: {check['result']}, {check['reason']}"
    yield from (f"{' '.join(place)}: expected a warning about the row that breaks the rule" for place in expected)
    yield from (f"{schema['name']}: not checked" for schema in contract["schema"] if schema["name"] not in checked)


def main() -> None:
    """Check, and print what is wrong."""
    contract = yaml.safe_load((ROOT / CONTRACT).read_text())
    with TemporaryDirectory() as name:
        folder = Path(name)
        database = made_database(folder, contract, written(folder))
        wrong = list(faults(found(folder, database), contract))
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
