"""What a stage, its runs and its lookups cost: `./quickstart bench cost` measures on one core and writes docs/cost.md."""

import gc
import io
import os
import statistics
import time
import tomllib
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.histories import ROWS, history_file
from benchmarks.month_costs import (
    Deployed,
    firewall_cost,
    idle_costs,
    lookup_costs,
    trace_cost,
    what_if_costs,
)
from benchmarks.recorded_requests import record_clean
from benchmarks.run_costs import Measured, RunCost, ingest_cost, largest, run_cost, stored_costs
from local.quickstart.here.sample import sample_history
from voucher_selection.adapters.lake import COPIES_AT_ONCE
from voucher_selection.adapters.parquet.footers import FileKind, Footer, read_footer
from voucher_selection.adapters.sources.landed_files import LandedFile
from voucher_selection.domain.history import COLUMN_NAMES, check_schema
from voucher_selection.domain.shards import plan_shards

ROOT = Path(__file__).resolve().parents[1]
TURNS = 3
SIZES = (1_000_000, 100_000_000, 1_000_000_000, 10_000_000_000, 100_000_000_000, 1_000_000_000_000)
MOST_AT_ONCE = 5_000
LOOKUPS_A_SECOND = (1, 10, 100)
_ROW_GROUPS = 2_000
_STORED_ROWS = 10**9


def main() -> None:
    """Measure, reckon, and write the page."""
    inputs = tomllib.loads((ROOT / "benchmarks/prices.toml").read_text(encoding="utf-8"))
    measured = measure(inputs["stage"]["shard_rows"])
    page = _page(inputs, measured)
    (ROOT / "docs/cost.md").write_text(page, encoding="utf-8")
    print(page)


def measure(shard_rows: int) -> Measured:
    """Clean a shard, and read footers, on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    file = history_file(ROOT / ".local/bench", shard_rows // ROWS)
    shards = [record_clean(file, "Peru") for _ in range(TURNS)]
    shard = shards[0]
    footer_seconds, footer_bytes, plan_bytes = _footers()
    return Measured(
        cpu_seconds_per_row=statistics.median(each.cpu_seconds for each in shards) / shard.rows,
        read_bytes_per_row=shard.read_bytes / shard.rows,
        written_bytes_per_row={prefix: shard.written(prefix) for prefix in ("staging", "quarantine")},
        gets_per_shard=shard.number("GET"),
        puts_per_shard=shard.number("PUT"),
        footer_seconds=footer_seconds,
        footer_bytes=footer_bytes,
        plan_bytes=plan_bytes,
    )


class _FooterLake:
    """A lake of one file, to read its footer."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def open(self, *_: object) -> "_Content":
        return _Content(self._content)


class _Content(io.BytesIO):
    """A file that knows its size, as an object in the lake does."""

    etag = "etag"

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.size = len(content)


def _footers() -> tuple[float, float, float]:
    """Return what Ingest takes for a row group, in seconds and bytes, and for a shard, in bytes."""
    sink = io.BytesIO()
    pq.write_table(sample_history(_ROW_GROUPS, seed=3), sink, row_group_size=1)
    lake: Any = _FooterLake(sink.getvalue())
    landed = LandedFile("raw/x.parquet", "s3://lake/x.parquet", "s3://lake/x.parquet#etag", {}, None, None)
    kind = FileKind(check_schema, COLUMN_NAMES)
    seconds = []
    for _ in range(TURNS):
        started = time.process_time()
        read_footer(lake, landed, kind)
        seconds.append(time.process_time() - started)
    tracemalloc.start()
    footer: Footer = read_footer(lake, landed, kind)
    of_footers = _memory_held()
    shards = plan_shards(footer.row_groups, 1, 10**9)
    # The manifest is written from memory, as text.
    of_plan = _memory_held() - of_footers + sum(len(it.model_dump_json()) for it in shards)
    tracemalloc.stop()
    return statistics.median(seconds) / _ROW_GROUPS, of_footers / _ROW_GROUPS, of_plan / len(shards)


def _memory_held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _page(inputs: dict[str, Any], measured: Measured) -> str:
    stage, assumed = inputs["stage"], inputs["assumed"]
    runs = [run_cost(rows, measured, inputs) for rows in SIZES]
    return f"""# Cost

    ./quickstart bench cost

measures Clean and the reading of footers on one core of this machine, and calculates with the prices and assumptions of [`prices.toml`](../benchmarks/prices.toml): US dollars,
{inputs["region"]}, as of {inputs["as_of"]}, on demand, no free tier. AWS billed nothing of this page.

Measured on {datetime.now(UTC):%Y-%m-%d}, for one country of four: {1e6 * measured.cpu_seconds_per_row:.3f} CPU seconds and {measured.read_bytes_per_row:.1f} MB read per million rows. A shard of {stage["shard_rows"] / 1e6:g} million rows takes
{measured.gets_per_shard} GETs and {measured.puts_per_shard} PUTs. Clean has {stage["clean_memory_mb"]} MB, which is one vCPU, assumed to take {assumed["seconds_per_vcpu_second"]} times as long, and {assumed["seconds_per_shard"]} s more per shard.

{_month(inputs)}
{_lookups(inputs)}
{_runs(runs, inputs, measured)}
{_growth(runs, inputs, measured)}
{_what_ifs(inputs)}"""


def _month(inputs: dict[str, Any]) -> str:
    stages = [idle_costs(Deployed.on(stage), inputs) for stage in ("dev", "prod")]
    dev, prod = stages
    lines = [f"| {service} | {dev[service]:.2f} | {prod[service]:.2f} |" for service in dev]
    return f"""## A month without a request
| | dev, $ | prod, $ |
|---|--:|--:|
{chr(10).join(lines)}
| **total** | **{sum(dev.values()):.2f}** | **{sum(prod.values()):.2f}** |

Alarms, dashboard, key and firewall are counted in the [templates]({_TEMPLATES_LINK}). A stage with `monitoring=false` has no alarms, dashboard or key, and one with `waf=false` no firewall.
An own `kms_key` costs $1 more, and a domain what its zone costs. The catalog's storage costs less than a cent.
"""


_TEMPLATES_LINK = "../tests/infrastructure/snapshots/prod.yaml"


def _lookups(inputs: dict[str, Any]) -> str:
    rates = {rate: lookup_costs(rate, inputs) for rate in LOOKUPS_A_SECOND}
    first = rates[LOOKUPS_A_SECOND[0]]
    lines = [_cells(service, [costs[service] for costs in rates.values()]) for service in first]
    totals = [sum(costs.values()) for costs in rates.values()]
    firewall = firewall_cost(inputs)
    share = first["API Gateway"] / totals[-1]
    return f"""## A million lookups
| $ | {" | ".join(f"{rate} a second" for rate in rates)} |
|---|--:|--:|--:|
{chr(10).join(lines)}
{_cells("**total**", totals)}
{_cells("with the firewall of prod", [total + firewall for total in totals])}
{_cells("traces, only with `trace_requests`", [trace_cost(rate, inputs) for rate in rates])}

API Gateway's price per request is {share:.0%} of the cost at 100 a second; the API's own work is a small part. With fewer requests a second, a million takes longer, and metrics are billed by the hour.
A warm lookup reads nothing: an instance asks for the served version every {inputs["stage"]["model_refresh_seconds"]} seconds at most. [`POST /vouchers`](api.md#post-vouchers) answers up to 1,000 customers in one request.
"""


def _cells(title: str, dollars: list[float]) -> str:
    return f"| {title} | {' | '.join(f'{value:.3f}' for value in dollars)} |"


def _runs(runs: list[RunCost], inputs: dict[str, Any], measured: Measured) -> str:
    at_once = inputs["stage"]["max_concurrency"]
    lines = [
        f"| {run.rows:.0e} | {run.shards:,} | {_time(run.seconds(at_once, inputs))} "
        f"| {_time(run.seconds(MOST_AT_ONCE, inputs))} | {run.compute:,.4f} | {run.states:,.4f} | {run.requests:,.4f} "
        f"| **{run.total:,.4f}** | {run.stored:,.4f} | {run.scanned:,.4f} |"
        for run in runs
    ]
    stored = stored_costs(_STORED_ROWS, measured, inputs)
    sizes = {"raw": measured.read_bytes_per_row, **measured.written_bytes_per_row}
    days = {prefix: inputs["stage"][f"{prefix}_days"] for prefix in stored}
    kept = [
        f"| `{prefix}/` | {_STORED_ROWS * sizes[prefix] / 1e9:.2f} | {days[prefix]} + {inputs['stage']['noncurrent_days']} "
        f"| {dollars:.4f} |"
        for prefix, dollars in stored.items()
    ]
    return f"""## A run
| rows | shards | time, {at_once} at once | time, {MOST_AT_ONCE:,} at once | Lambda | Step Functions | requests | total, $ | stored, $ | one scan by Athena, $ |
|---|---|---|---|---|---|---|---|---|---|
{chr(10).join(lines)}

The time goes from the start to the published model; the total is everything but storage. *Requests* are those to S3, with the copies of landing, and to DynamoDB.
Athena would cost the last column for each query that reads the same columns of the same bytes ($5 per TB), and write no cleaned or rejected rows. A [remodel](pipeline.md#models-from-counts-remodel) for another date or other segments costs one call of Model, for any number of rows.

*Stored* is what the run's objects cost until S3 deletes them: they expire after the days of their prefix, and stay for `noncurrent_days` as old versions. For 1e+09 rows:

| | GB | days | $ |
|---|--:|--:|--:|
{chr(10).join(kept)}

The landed copy is most of that: lower `raw_days` if the source stays where it is.
"""


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _growth(runs: list[RunCost], inputs: dict[str, Any], measured: Measured) -> str:
    stage, assumed = inputs["stage"], inputs["assumed"]
    lines = [
        f"| {run.rows:.0e} | {run.ingest.copy_seconds:,.0f} | {run.ingest.footer_seconds:,.0f} | {run.ingest.memory_mb:,} "
        f"| {run.clean_seconds:.1f} | {run.groups:,} | {run.merge_seconds:.1f} | {run.model_seconds:.1f} |"
        for run in runs
    ]
    in_time, in_memory = (
        largest(lambda rows: ingest_cost(rows, measured, inputs).seconds < stage["ingest_timeout_seconds"]),
        largest(lambda rows: ingest_cost(rows, measured, inputs).memory_mb <= stage["ingest_memory_mb"]),
    )
    return f"""## What grows, and what gives way first
| rows | Ingest: copies, s | footers and plan, s | memory, MB | Clean, s a shard | groups | merging, s a group | Model, s |
|---|--:|--:|--:|--:|--:|--:|--:|
{chr(10).join(lines)}

- **Ingest** copies with {COPIES_AT_ONCE} requests at once, each assumed to copy {assumed["copy_bytes_a_second"] / 1e6:g} MB a second; AWS documents no rate. So it reaches its {stage["ingest_timeout_seconds"]} s at about {in_time:.1e} rows. Set `ingest_timeout_seconds` up to 900, or give the history in several [appends](pipeline.md).
  It keeps {measured.footer_bytes:,.0f} bytes for each row group and {measured.plan_bytes:,.0f} for each shard. With row groups of {assumed["rows_per_row_group"]:,} rows, {stage["ingest_memory_mb"]} MB are enough up to about {in_memory:.1e} rows; with smaller ones raise `ingest_memory_mb`.
- **Payloads.** The manifest is an object that the map reads, never a state's payload. Each shard is passed alone, and the planner keeps it below 256 KB (`shards.LARGEST_SHARD`).
- **Transitions.** Shards run as child workflows with their own histories, so the limit of 25,000 events in one history does not limit the run. An account may make {assumed["transitions_a_second"]:,} transitions a second.
- **Concurrency.** `max_concurrency` is {stage["max_concurrency"]}, which suits the first limit of concurrent functions of an account; a map allows 10,000. Lambda starts {assumed["lambda_first"]:,} at once, and {assumed["lambda_more_a_second"]} more a second.
  [Requests a second](rates.md) shows that S3 keeps up.
- **Model** reads the results of at most {stage["shards_per_merge"]} shards; with more, their groups are merged first.
- **A run's time** is limited by `run_timeout_seconds`: more rows need more concurrency.
"""


def _what_ifs(inputs: dict[str, Any]) -> str:
    costs = what_if_costs(inputs)
    lines = "\n".join(f"| {service} | {dollars:.3f} |" for service, dollars in costs.items())
    return f"""## A thousand what-ifs
The report page asks WhatIf what another date would change. The table assumes a cold start for each, the most expensive case: {inputs["assumed"]["what_if_seconds"]} s at {inputs["stage"]["what_if_memory_mb"]} MB ([memory](memory.md)), while the API waits.

| | $ |
|---|--:|
{lines}
| **total** | **{sum(costs.values()):.3f}** |
"""


if __name__ == "__main__":
    main()
