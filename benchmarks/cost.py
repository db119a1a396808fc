"""What a run and a lookup cost on AWS: `./quickstart bench cost` measures Clean on one core and writes docs/cost.md."""

import json
import math
import os
import statistics
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from benchmarks.histories import ROWS, history_file

ROOT = Path(__file__).resolve().parents[1]
TIMES = 10
SIZES = (1_000_000, 100_000_000, 1_000_000_000, 10_000_000_000, 100_000_000_000, 1_000_000_000_000)


class Measured(NamedTuple):
    """What Clean needs for a row, its file's bytes per row, and how many column chunks a row group has for it to read."""

    cpu_seconds_per_row: float
    bytes_per_row: float
    chunks_per_row: float


class RunCost(NamedTuple):
    """A full run over `rows`: its size, and dollars by service."""

    rows: int
    shards: int
    clean_seconds_per_shard: float
    model_seconds: float
    manifest_bytes: int
    compute: float
    states: float
    requests: float
    storage_month: float

    @property
    def total(self) -> float:
        """Dollars for the run, without storage."""
        return self.compute + self.states + self.requests


def main() -> None:
    """Measure, reckon, and write the page."""
    inputs = tomllib.loads((ROOT / "benchmarks/prices.toml").read_text(encoding="utf-8"))
    measured = measure()
    page = _page(inputs, measured, [run_cost(rows, measured, inputs) for rows in SIZES])
    (ROOT / "docs/cost.md").write_text(page, encoding="utf-8")
    print(page)


def measure(turns: int = 3) -> Measured:
    """Run Clean over a made history on one core, in a process per turn."""
    file = history_file(ROOT / ".local/bench", TIMES)
    command = [sys.executable, "-m", "benchmarks.one", "ours", "write", str(file), "Peru", "1"]
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers/shared/python'}"}
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    outputs = [
        subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, cwd=ROOT).stdout
        for _ in range(turns)
    ]
    seconds = statistics.median(json.loads(output)["cpu_seconds"] for output in outputs)
    metadata = pq.read_metadata(file)
    rows = TIMES * ROWS
    return Measured(seconds / rows, file.stat().st_size / rows, metadata.num_row_groups * metadata.num_columns / rows)


def run_cost(rows: int, measured: Measured, inputs: dict[str, Any]) -> RunCost:
    """Reckon a full run over `rows` rows."""
    price, stage, assumed = inputs["price"], inputs["stage"], inputs["assumed"]
    shards = math.ceil(rows / stage["shard_rows"])
    work = rows / shards * measured.cpu_seconds_per_row * assumed["seconds_per_vcpu_second"]
    clean_seconds = work + assumed["seconds_per_shard"]
    merged = shards * assumed["gets_per_shard_merged"]
    model_seconds = 2 + merged * assumed["s3_answer_seconds"] / assumed["requests_at_once"]
    compute = (
        shards * clean_seconds * stage["clean_memory_mb"] / 1024 * price["lambda_gb_second"]
        + shards * clean_seconds * (stage["clean_disk_mb"] - 512) / 1024 * price["lambda_disk_gb_second"]
        + model_seconds * stage["model_memory_mb"] / 1024 * price["lambda_gb_second"]
        + (shards + 2) * price["lambda_request"]
    )
    transitions = shards * assumed["transitions_per_shard"] + assumed["transitions_per_run"]
    puts, gets = shards * assumed["puts_per_shard"], rows * measured.chunks_per_row + merged
    return RunCost(
        rows=rows,
        shards=shards,
        clean_seconds_per_shard=clean_seconds,
        model_seconds=model_seconds,
        manifest_bytes=shards * assumed["manifest_bytes_per_shard"],
        compute=compute,
        states=transitions * price["states_transition"],
        requests=puts * price["s3_put"] + gets * price["s3_get"] + assumed["model_items"] * price["dynamodb_write"],
        storage_month=rows * measured.bytes_per_row / 1e9 * price["s3_gb_month"],
    )


def lookup_costs(inputs: dict[str, Any]) -> dict[str, float]:
    """Reckon a million lookups, in dollars by service."""
    price, stage, assumed = inputs["price"], inputs["stage"], inputs["assumed"]
    gb_seconds = assumed["lookup_billed_ms"] / 1000 * stage["api_memory_mb"] / 1024
    refreshes = 1 / (assumed["lookups_per_second"] * stage["model_refresh_seconds"])
    of_one = {
        "API Gateway": price["api_request"],
        "Lambda, requests": price["lambda_request"],
        "Lambda, GB-seconds": gb_seconds * price["lambda_gb_second"],
        "DynamoDB, refreshes of the model": refreshes * price["dynamodb_read"],
        "CloudWatch logs": assumed["lookup_log_bytes"] / 1e9 * price["log_gb"],
    }
    return {service: 1e6 * dollars for service, dollars in of_one.items()}


def what_if_costs(inputs: dict[str, Any]) -> dict[str, float]:
    """Reckon a thousand what-ifs of the report page, in dollars by service: the API waits as long as WhatIf works."""
    price, stage, assumed = inputs["price"], inputs["stage"], inputs["assumed"]
    gb = (stage["what_if_memory_mb"] + stage["api_memory_mb"]) / 1024
    of_one = {
        "API Gateway": price["api_request"],
        "Lambda, requests": 2 * price["lambda_request"],
        "Lambda, GB-seconds": assumed["what_if_seconds"] * gb * price["lambda_gb_second"],
        "S3 and DynamoDB": assumed["what_if_gets"] * price["s3_get"],
    }
    return {service: 1e3 * dollars for service, dollars in of_one.items()}


def _table(costs: dict[str, float]) -> str:
    return "\n".join(f"| {service} | {dollars:.3f} |" for service, dollars in costs.items())


def _page(inputs: dict[str, Any], measured: Measured, runs: list[RunCost]) -> str:
    stage, assumed = inputs["stage"], inputs["assumed"]
    at_once = stage["max_concurrency"]
    hours = {run.rows: run.shards / at_once * run.clean_seconds_per_shard / 3600 for run in runs}
    table = "\n".join(
        f"| {run.rows:.0e} | {run.shards:,} | {hours[run.rows]:.2g} | {run.compute:,.4f} | {run.states:,.4f} "
        f"| {run.requests:,.4f} | **{run.total:,.4f}** | {run.storage_month:,.4f} |"
        for run in runs
    )
    limits = "\n".join(
        f"| {run.rows:.0e} | {run.manifest_bytes / 1e6:,.2f} | {run.shards * assumed['transitions_per_shard']:,} "
        f"| {run.shards * assumed['gets_per_shard_merged']:,} | {run.model_seconds:,.0f} |"
        for run in runs
    )
    lookups = lookup_costs(inputs)
    what_ifs = what_if_costs(inputs)
    return f"""# Cost

    ./quickstart bench cost

measures Clean on one core of this machine, with everything it writes, and calculates with the prices and assumptions of [`prices.toml`](../benchmarks/prices.toml): US dollars,
{inputs["region"]}, as of {inputs["as_of"]}, on demand, no free tier. AWS billed nothing of this page.

Measured on {datetime.now(UTC):%Y-%m-%d}: {1e6 * measured.cpu_seconds_per_row:.3f} CPU seconds and {measured.bytes_per_row:.1f} MB read per million rows.
Clean has {stage["clean_memory_mb"]} MB, which is one vCPU, assumed to take {assumed["seconds_per_vcpu_second"]} times as long, and {assumed["seconds_per_shard"]} s more per shard.

## A run
| rows | shards | hours, {at_once} at once | Lambda | Step Functions | S3 and DynamoDB requests | total, $ | raw copy, $ a month |
|---|---|---|---|---|---|---|---|
{table}

These costs grow with the rows; those of the model, its publication and lookups do not. A [remodel](pipeline.md#models-from-counts-remodel) for another date or other segments costs one call of Model, for any number of rows.

## What grows, and what gives way first
| rows | manifest, MB | state transitions of shards | objects that Model reads | Model, seconds |
|---|---|---|---|---|
{limits}

- **Payloads.** The manifest is an object that the map reads, never a state's payload. Each shard is passed alone, and the planner keeps it below 256 KB (`shards.MOST_PARTS`).
- **Transitions.** Shards run as child workflows with their own histories, so the limit of 25,000 events in one history does not limit the run.
- **Concurrency.** `max_concurrency` is {at_once}, which suits the first limit of concurrent functions of an account; a map allows 10,000. More concurrency shortens the hours above in proportion.
- **Model** reads every shard's counts. Calculated with {assumed["requests_at_once"]} requests at once, it reaches its {stage["model_timeout_seconds"]} s at about
  {_largest(inputs):.0e} rows. Above that, `shard_target_rows` must grow with the history (within `clean_timeout_seconds`; Clean's memory does not depend on the shard), or the counts
  must be merged in two steps, which is not built.
- **A run's time** is limited by `run_timeout_seconds`: more rows need more concurrency.

## A million lookups
| | $ |
|---|---|
{_table(lookups)}
| **total** | **{sum(lookups.values()):.3f}** |

API Gateway's price per request is most of the cost; the API's own work is a small part. A warm lookup reads nothing; of {assumed["lookups_per_second"]} a second, one in
{assumed["lookups_per_second"] * stage["model_refresh_seconds"]} asks for the served version.

## A thousand what-ifs
The report page asks WhatIf what another date would change. The table assumes a cold start for each, the most expensive case: {assumed["what_if_seconds"]} s at {stage["what_if_memory_mb"]} MB ([memory](memory.md)), while the API waits.

| | $ |
|---|---|
{_table(what_ifs)}
| **total** | **{sum(what_ifs.values()):.3f}** |
"""


def _largest(inputs: dict[str, Any]) -> float:
    """Return the rows at which Model reaches its timeout."""
    stage, assumed = inputs["stage"], inputs["assumed"]
    seconds = assumed["gets_per_shard_merged"] * assumed["s3_answer_seconds"] / assumed["requests_at_once"]
    return float(stage["model_timeout_seconds"] / seconds * stage["shard_rows"])


if __name__ == "__main__":
    main()
