"""What each function needs, and what that is at other sizes of memory: `./quickstart bench memory`, for docs/memory.md.

It needs the product to be up (`./quickstart run -d`): the functions' own handlers run in processes of this machine, one
after the other, with the emulator as S3 and DynamoDB in another process. CPU seconds, peak memory and requests are
measured; seconds and dollars at a size of memory are reckoned from them, with the figures of prices.toml.
"""

import json
import os
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
SIZES_MB = (512, 1024, 1792, 3008)
MB_PER_VCPU = 1769
"""Lambda gives a function one vCPU's time at so much memory, and in proportion (its documentation, *Memory*)."""
TURNS = 3
HISTORY_TIMES, CUSTOMERS_TIMES = 10, 1
_LOOKUPS = 200
_CONTEXT = SimpleNamespace(
    function_name="benchmark", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="benchmark"
)


class Needs(NamedTuple):
    """What one call of a function takes: medians of its turns."""

    start_cpu_seconds: float
    cpu_seconds: float
    requests: float
    peak_mib: float


REASONS = {
    "ingest": "S3 copies, and Ingest waits for it: more memory makes that more expensive but hardly faster. The default"
    " leaves room for the footers and the manifest of many files.",
    "clean": "Its work is nearly all processor time; the waiting for requests is an upper bound here. Up to one vCPU, more"
    " memory takes less time for little more money. A second vCPU was not measured.",
    "assign": "Like Clean: processor time, one vCPU, and memory that does not grow with the customers.",
    "model": "Called once for each run, and for each group of shards of a large one. It waits for small objects, but"
    " merging many groups takes processor time: the default is one vCPU.",
    "what_if": "A person waits for it. After a pause, most of the time is its start, which takes twice as long with half the"
    " memory. It is called rarely.",
    "api": "A warm lookup takes a few milliseconds at any size, and is billed for them. Only the start would be long, and"
    " the snapshot saves it.",
}
"""Why each function has the memory that it has, by the table beside it."""


def main() -> None:
    """Measure every function, and write the page."""
    inputs = tomllib.loads((ROOT / "benchmarks/prices.toml").read_text(encoding="utf-8"))
    needs = measure()
    page = _page(inputs, needs)
    (ROOT / "docs/memory.md").write_text(page, encoding="utf-8")
    print(page)


def measure() -> dict[str, Needs]:
    """Run a history through the functions, each in a process of its own, a few times over."""
    from infra_cdk import environments  # noqa: PLC0415 - a function's process does without
    from infra_cdk.stages import stage  # noqa: PLC0415
    from local.quickstart.machine.record import Record  # noqa: PLC0415
    from local.quickstart.machine.workspace import Workspace  # noqa: PLC0415

    workspace = Workspace.at(0)
    record = Record.read(workspace.state)
    if record.deployment is None or record.emulator is None:
        sys.exit("nothing is up to measure with: ./quickstart run -d")
    place = Workspace(workspace.state, record.emulator.port)
    bucket = record.deployment.bucket
    environment = place.environment | {
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "lambdas", ROOT / "layers/shared/python"))),
        **environments.of_all(
            stage("local"),
            environments.Stores(bucket, record.deployment.table),
            state_machine_arn=record.deployment.state_machine_arn,
            what_if_function="none",
        ),
        "POWERTOOLS_SERVICE_NAME": "benchmark",
        "POWERTOOLS_METRICS_NAMESPACE": "VoucherSelection",
        "POWERTOOLS_LOG_LEVEL": "ERROR",
    }
    s3 = place.session.client("s3", endpoint_url=place.endpoint_url)
    s3.upload_file(str(_history(HISTORY_TIMES)), bucket, "uploads/bench/history.parquet")
    s3.upload_file(str(_customers()), bucket, "uploads/bench/customers.parquet")
    turns: dict[str, list[Needs]] = {name: [] for name in REASONS}
    for _ in range(TURNS):
        for name, needs in _turn(bucket, environment):
            turns[name].append(needs)
    return {name: Needs(*map(statistics.median, zip(*found, strict=True))) for name, found in turns.items()}


def _turn(bucket: str, environment: dict[str, str]) -> Iterator[tuple[str, Needs]]:
    """Run a history, a what-if and an assignment; yield what each function took."""
    from voucher_selection.api.examples import CUSTOMER  # noqa: PLC0415 - see below

    def call(name: str, event: dict[str, Any]) -> tuple[Any, Needs]:
        command = [sys.executable, "-m", "benchmarks.memory", name]
        done = subprocess.run(
            command, input=json.dumps(event), env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
        told = json.loads(done.stdout.splitlines()[-1])
        return told["answer"], Needs(**told["needs"])

    now = datetime.now(UTC)
    started, run, assignment = now.isoformat(), f"run-bench-{now:%H%M%S%f}", f"assign-bench-{now:%H%M%S%f}"
    request: dict[str, Any] = {"source": f"s3://{bucket}/uploads/bench/history.parquet"}
    planned, needs = call("ingest", {"run_id": run, "started_at": started, "request": request})
    yield "ingest", needs
    shard = _first_shard(planned["manifest_key"], environment)
    yield "clean", call("clean", {"run_id": run, "reading": planned["reading"], "shard": shard})[1]
    yield "model", call("model", {"run_id": run, "started_at": started, "request": request})[1]
    yield "what_if", call("what_if", {"question": "what_if", "request": {"cur_date": "2018-08-01"}})[1]
    customers = f"s3://{bucket}/uploads/bench/customers.parquet"
    request = {"mode": "assign", "customers": customers, "segment_name": "recency_segment"}
    planned, _ = call("ingest", {"run_id": assignment, "started_at": started, "request": request})
    shard = _first_shard(planned["manifest_key"], environment)
    yield "assign", call("assign", {"run_id": assignment, "shard": shard})[1]
    yield "api", call("api", CUSTOMER)[1]


def _first_shard(manifest_key: str, environment: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
    import boto3  # noqa: PLC0415 - see below

    s3 = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    manifest = s3.get_object(Bucket=environment["BUCKET"], Key=manifest_key)["Body"].read()
    return json.loads(manifest)[0]


def _history(times: int) -> Path:
    from benchmarks.histories import history_file  # noqa: PLC0415 - a function's process does without

    return history_file(ROOT / ".local/bench", times)


def _customers() -> Path:
    import pyarrow as pa  # noqa: PLC0415 - a function's process imports what it imports
    import pyarrow.parquet as pq  # noqa: PLC0415

    history = pq.read_table(_history(CUSTOMERS_TIMES)).drop_columns(["timestamp", "voucher_amount"])
    file = ROOT / ".local/bench/customers.parquet"
    pq.write_table(history.append_column("customer_id", pa.array(range(history.num_rows))), file)
    return file


def in_this_process(name: str, event: dict[str, Any]) -> None:
    """Start a function, call it, and print what it answered and took."""
    import importlib  # noqa: PLC0415 - counted as the function's start, like all that it imports

    before = time.process_time()
    handler = importlib.import_module(f"{name}.handler")
    start = time.process_time() - before
    with _counted() as requests:
        before = time.process_time()
        answer, calls = _lookups(handler, event) if name == "api" else (handler.lambda_handler(event, _CONTEXT), 1)
        used = (time.process_time() - before) / calls
    needs = Needs(start, used, len(requests) / calls, _peak_mib())
    print(f"\n{json.dumps({'answer': answer, 'needs': needs._asdict()})}")


def _lookups(handler: Any, fields: dict[str, Any]) -> tuple[Any, int]:  # noqa: ANN401 - a module
    """Ask the same lookup many times: a model is read once, and then none is for a while."""
    from benchmarks.handler_calls import event  # noqa: PLC0415 - only the API is asked so

    asked = event("/voucher", json.dumps(fields))
    for _ in range(_LOOKUPS):
        answer = handler.lambda_handler(asked, _CONTEXT)
        if answer["statusCode"] != 200:
            raise RuntimeError(f"expected 200, got {answer}")
    return answer, _LOOKUPS


@contextmanager
def _counted() -> Iterator[list[str]]:
    """Collect the requests that clients send to AWS's services."""
    from botocore.httpsession import URLLib3Session  # noqa: PLC0415 - of the function's own imports

    sent, send = [], URLLib3Session.send

    def counting(session: URLLib3Session, request: Any) -> Any:  # noqa: ANN401 - botocore's
        sent.append(request.url)
        return send(session, request)

    URLLib3Session.send = counting  # type: ignore[assignment,method-assign]
    try:
        yield sent
    finally:
        URLLib3Session.send = send  # type: ignore[method-assign]


def _peak_mib() -> float:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def seconds_at(memory_mb: int, needs: Needs, assumed: dict[str, float]) -> float:
    """Reckon how long a warm call takes: its processor time at its share of a vCPU, and waiting for each request."""
    share = min(1.0, memory_mb / MB_PER_VCPU)
    waiting = needs.requests * assumed["s3_answer_seconds"]
    return needs.cpu_seconds * assumed["seconds_per_vcpu_second"] / share + waiting


def _page(inputs: dict[str, Any], needs: dict[str, Needs]) -> str:
    rows = "\n".join(_row(name, needs[name], inputs) for name in REASONS)
    reasons = "\n".join(f"- **{name}**: {why}" for name, why in REASONS.items())
    sizes = " | ".join(f"{size:,} MB" for size in SIZES_MB)
    assumed = inputs["assumed"]
    return f"""# Memory

    ./quickstart run -d && ./quickstart bench memory

measures a call of each function in a process of this machine, with the emulator beside it. From that it calculates the time and cost at other sizes of memory. Nothing here ran in Lambda.

Measured on {datetime.now(UTC):%Y-%m-%d}, the median of {TURNS} turns: a history of 2.9 million rows in one shard, 286,000 customers, a what-if over the history's counts, and a warm lookup.

- Measured: *start* is the processor time of the imports, *work* that of a call, *peak* the process's largest memory.
- Calculated, in the columns of the sizes: seconds of a warm call, and dollars for a thousand calls. Lambda's share of a processor is memory / {MB_PER_VCPU} MB. One vCPU is assumed to take {assumed["seconds_per_vcpu_second"]} times as long as a core here.
  Each request to S3 or DynamoDB is assumed to take {1000 * assumed["s3_answer_seconds"]:.0f} ms, one after the other. That is too much, because many run at once. A second vCPU is not considered.
- Bold is the default of [`stages.py`](../infra_cdk/stages.py). A size has no figures if it is smaller than the peak and a quarter more.

| function | start, CPU s | work, CPU s | requests | peak, MiB | {sizes} |
|---|--:|--:|--:|--:|{"--:|" * len(SIZES_MB)}
{rows}

{reasons}

To choose another size: `./quickstart deploy --stage dev --set clean_memory_mb=3008`; every function has such a setting. In an account, each function's log line `REPORT` shows the duration and `Max Memory Used` there.
"""


def _row(name: str, needs: Needs, inputs: dict[str, Any]) -> str:
    price, chosen = inputs["price"], inputs["stage"][f"{name}_memory_mb"]
    cells = []
    for size in SIZES_MB:
        if needs.peak_mib * 1.25 > size:
            cells.append("")
            continue
        seconds = seconds_at(size, needs, inputs["assumed"])
        dollars = 1000 * (seconds * size / 1024 * price["lambda_gb_second"] + price["lambda_request"])
        cell = f"{seconds:.3g} s, ${dollars:.2g}"
        cells.append(f"**{cell}**" if size == chosen else cell)
    work = f"{needs.cpu_seconds:.2g}"
    return (
        f"| {name} | {needs.start_cpu_seconds:.1f} | {work} | {needs.requests:.0f} | {needs.peak_mib:.0f} "
        f"| {' | '.join(cells)} |"
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        in_this_process(sys.argv[1], json.load(sys.stdin))
    else:
        main()
