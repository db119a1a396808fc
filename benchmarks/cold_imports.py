"""What a function imports before its first request, and how long that takes: `python -m benchmarks.cold_imports`.

Every start is a new interpreter with the packages that the local stage deploys, and nothing else of this machine's. CPU
time is what a loaded machine changes least; Lambda gives a function of 512 MB about 0.3 of a processor.
"""

import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path
from statistics import median
from typing import NamedTuple

from infra_cdk import environments
from infra_cdk.stages import stage
from layers.build.packages import build_bundles
from layers.build.platforms import host_platform

ROOT = Path(__file__).parents[1]
ROUNDS = 7
_SETTINGS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    **environments.of_all(
        stage("local"), environments.Stores("lake", "catalog"), state_machine_arn="arn", what_if_function="what-if"
    ),
    "POWERTOOLS_METRICS_NAMESPACE": "VoucherSelection",
    "POWERTOOLS_SERVICE_NAME": "benchmark",
}
STARTS = ("api", "ingest", "clean", "model", "watch")


class Start(NamedTuple):
    """A function's start: medians in milliseconds, how many modules it imported, and the packages that took longest."""

    wall_ms: float
    cpu_ms: float
    modules: int
    largest: dict[str, int]


def measure(rounds: int = ROUNDS) -> dict[str, Start]:
    """Start every function `rounds` times, in turn."""
    functions = build_bundles(host_platform()).functions
    with tempfile.TemporaryDirectory() as work:
        folders = {archive.path: Path(work) / archive.path.stem for archive in functions.values()}
        for path, folder in folders.items():
            with zipfile.ZipFile(path) as archive:
                archive.extractall(folder)
        environments = {name: _environment(folders[functions[name].path]) for name in STARTS}
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in STARTS}
        for _ in range(rounds):
            for name in STARTS:
                times[name].append(_times(name, environments[name]))
        return {name: _start(name, environments[name], times[name]) for name in STARTS}


def as_table(starts: dict[str, Start]) -> str:
    """Return the starts as a Markdown table."""
    rows = [
        "| function | wall ms | CPU ms | modules | packages that take longest (ms of their own) |",
        "|---|--:|--:|--:|---|",
    ]
    for name, start in starts.items():
        largest = ", ".join(f"{package} {ms}" for package, ms in start.largest.items())
        rows.append(f"| {name} | {start.wall_ms:.0f} | {start.cpu_ms:.0f} | {start.modules} | {largest} |")
    return "\n".join(rows)


def _environment(folder: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "POWERTOOLS_"))}
    return inherited | _SETTINGS | {"PYTHONPATH": str(folder)}


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-S", *arguments]  # without site, which would add this environment's packages


def _start(function: str, environment: dict[str, str], times: list[tuple[float, float]]) -> Start:
    walls, cpus = zip(*times, strict=True)
    command = _python("-X", "importtime", "-c", f"import sys, {function}.handler; print(len(sys.modules))")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    packages: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        own, _, module = (part.strip() for part in line.removeprefix("import time:").split("|"))
        if own.isdecimal():
            packages[module.partition(".")[0]] += int(own)
    largest = {package: round(microseconds / 1e3) for package, microseconds in packages.most_common(5)}
    return Start(median(walls), median(cpus), int(done.stdout), largest)


def _times(function: str, environment: dict[str, str]) -> tuple[float, float]:
    """Return the wall and the CPU time of a function's start, in ms."""
    started = time.perf_counter()
    process = subprocess.Popen(_python("-c", f"import {function}.handler"), env=environment)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{function} does not start: its error is above")
    return (time.perf_counter() - started) * 1e3, (used.ru_utime + used.ru_stime) * 1e3


if __name__ == "__main__":
    print(as_table(measure()))
