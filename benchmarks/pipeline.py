"""The core against other engines: `./quickstart bench pipeline` measures, and writes docs/benchmarks.md.

Every measurement is a process of its own. The contenders take turns, so that what else the machine does meets them all.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.contenders import postgres_sql
from benchmarks.histories import history_file
from benchmarks.measurements import Contender, Measurement
from benchmarks.report import write_report

ROOT = Path(__file__).resolve().parents[1]
COUNTRY = "Peru"


CONTENDERS = (
    Contender("Voucher Selection", "ours", "count", "count", 100),
    Contender("Polars streaming", "polars_streaming", "count", "count", 100),
    Contender("DuckDB", "duckdb_sql", "count", "count", 100),
    Contender("pandas", "pandas_frame", "count", "count", 10),
    Contender("PostgreSQL", "postgres_sql", "count", "count", 10),
    Contender("Voucher Selection", "ours", "write", "write", 100),
    Contender("Polars streaming", "polars_streaming", "write", "write", 100),
    Contender("DuckDB", "duckdb_sql", "write", "write", 100),
)
# How often each contender has its turn, and how often it does the task in one turn.
ROUNDS = {1: 5, 10: 4, 100: 3}
CALLS = {1: 5, 10: 1, 100: 1}
SLOW = {"pandas", "PostgreSQL"}
SLOW_ROUNDS = 2


def main() -> None:
    """Measure, check that all answers are the same, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 100], choices=list(ROUNDS))
    parser.add_argument("--minutes", type=float, default=15.0, help="sizes share them; a round that has begun ends")
    parser.add_argument("--no-report", action="store_true", help="only print")
    options = parser.parse_args()
    load_before = os.getloadavg()[0]
    seconds = 60 * options.minutes / len(options.sizes)
    measurements = [m for times in options.sizes for m in _measure_size(times, seconds)]
    _check(measurements)
    text = write_report(measurements, (load_before, os.getloadavg()[0]), None if options.no_report else ROOT / "docs")
    print(text)


def _measure_size(times: int, seconds: float) -> list[Measurement]:
    file = history_file(ROOT / ".local/bench", times)
    deadline = time.monotonic() + seconds
    found: list[Measurement] = []
    for number in range(ROUNDS[times]):
        for contender in CONTENDERS:
            slow = contender.label in SLOW
            absent = contender.module == "postgres_sql" and not postgres_sql.available()
            if absent or contender.largest < times or (slow and number >= SLOW_ROUNDS):
                continue
            found.append(_measure(contender, file, times, 1 if slow else CALLS[times]))
            last = found[-1]
            print(f"{times:>4}x  {last.seconds:8.3f} s  {last.peak_mib:6.0f} MiB  {contender.task} {contender.label}")
        if time.monotonic() > deadline:
            break
    return found


def _measure(contender: Contender, file: Path, times: int, calls: int) -> Measurement:
    task = [contender.module, contender.function, str(file), COUNTRY, str(calls)]
    command = [sys.executable, "-m", "benchmarks.one", *task]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers/shared/python")]),
        "POLARS_MAX_THREADS": "2",
    }
    started = time.perf_counter()
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, cwd=ROOT).stdout
    return Measurement(contender, times, wall_seconds=time.perf_counter() - started, **json.loads(output))


def _check(measurements: list[Measurement]) -> None:
    for times in {m.times for m in measurements}:
        answers = {m.digest: m.contender.label for m in measurements if m.times == times}
        if len(answers) != 1:
            raise SystemExit(f"the contenders do not agree at {times}x: {answers}")


if __name__ == "__main__":
    main()
