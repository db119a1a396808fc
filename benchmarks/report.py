"""The benchmark's page: tables of medians and ratios, and a plot."""

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.histories import ROW_GROUP_ROWS, ROWS
from benchmarks.measurements import Measurement
from benchmarks.plot import lines

TASKS = {"count": "Counting only", "write": "With kept and rejected rows written"}
REFERENCE = "Polars streaming"


def write_report(measurements: Sequence[Measurement], load: tuple[float, float], docs: Path | None) -> str:
    """Return the tables as Markdown, and with `docs` write the page and its plot there."""
    tables = "\n".join(_section(measurements, task) for task in TASKS)
    if docs is not None:
        notes = Path(__file__).with_name("notes.md")
        text = notes.read_text(encoding="utf-8") if notes.is_file() else ""
        (docs / "benchmarks.md").write_text(f"{_head(load)}\n{tables}\n{text}", encoding="utf-8")
        series = {
            task: {label: _points(measurements, task, label) for label in _labels(measurements, task)} for task in TASKS
        }
        (docs / "benchmarks.svg").write_text(lines(TASKS, series, ROWS), encoding="utf-8")
    return tables


def _head(load: tuple[float, float]) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("pyarrow", "polars", "duckdb", "pandas"))
    return f"""# Benchmarks

    ./quickstart bench pipeline

compares the core of the pipeline, which cleans and counts a history, with other engines that do the same work, and writes this page. All contenders read the same
parquet file and follow the same [rules](pipeline.md#cleaning) for one country of four. The benchmark fails if their counts differ.

![Seconds by number of rows, for each engine](benchmarks.svg)

- 1x is {ROWS:,} rows with the distributions of a real history, 16 % of them of the country; 10x and 100x are 10 and 100 times the rows. Row groups of {ROW_GROUP_ROWS:,} rows, zstd, one
  file on a local disk: no contender uses a network.
- Every turn is a fresh process; the contenders take turns. *Seconds* is the task within the process, without imports; *process* is the whole process. Both are medians of the turns; brackets have the least and the most.
  *To Polars* is the ratio of medians; brackets have the least and the most of the ratios within one round of turns.
- *CPU* is the task's processor time on all cores. If other programs use the cores too, CPU is more reliable than the seconds. It is also what a function in Lambda pays for.
- *Peak* is the largest resident memory of the process, without PostgreSQL's server.
- PostgreSQL loads the file into a table and cleans it with SQL, as the public solutions of this problem do; the start of its server is not counted.
  PostgreSQL and pandas hold the whole history, so they do not run at 100x.

Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} shared cores ({platform.machine()}), Python {platform.python_version()}, {versions}; the load average was {load[0]:.1f} before and {load[1]:.1f} after,
two being the benchmark's own.
"""


def _section(measurements: Sequence[Measurement], task: str) -> str:
    rows = [
        f"## {TASKS[task]}",
        "",
        "| rows | | seconds | to Polars | CPU, seconds | to Polars | process, seconds | peak, MiB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for times in sorted({m.times for m in measurements}):
        reference = _of(measurements, task, REFERENCE, times)
        for label in _labels(measurements, task):
            found = _of(measurements, task, label, times)
            if found:
                cells = [
                    _spread(found, lambda m: m.seconds),
                    _ratio(found, reference, lambda m: m.seconds),
                    *_cpu_cells(found, reference),
                    f"{statistics.median(m.wall_seconds for m in found):.3g}",
                    f"{max(m.peak_mib for m in found):.0f}",
                ]
                rows.append(f"| {times}x | {label} | {' | '.join(cells)} |")
    return "\n".join([*rows, ""])


def _labels(measurements: Sequence[Measurement], task: str) -> list[str]:
    return list(dict.fromkeys(m.contender.label for m in measurements if m.contender.task == task))


def _of(measurements: Sequence[Measurement], task: str, label: str, times: int) -> list[Measurement]:
    return [m for m in measurements if (m.contender.task, m.contender.label, m.times) == (task, label, times)]


def _points(measurements: Sequence[Measurement], task: str, label: str) -> list[tuple[int, float]]:
    sizes = sorted({m.times for m in measurements})
    found = {times: _of(measurements, task, label, times) for times in sizes}
    return [(times, statistics.median(m.seconds for m in turns)) for times, turns in found.items() if turns]


def _spread(found: Sequence[Measurement], measure: Callable[[Measurement], float]) -> str:
    values = [measure(m) for m in found]
    return f"**{statistics.median(values):.3g}** ({min(values):.3g}-{max(values):.3g})"


def _cpu_cells(found: Sequence[Measurement], reference: Sequence[Measurement]) -> list[str]:
    if found[0].contender.module == "postgres_sql":  # its server works, not our process
        return ["", ""]
    return [_spread(found, lambda m: m.cpu_seconds), _ratio(found, reference, lambda m: m.cpu_seconds)]


def _ratio(
    found: Sequence[Measurement], reference: Sequence[Measurement], measure: Callable[[Measurement], float]
) -> str:
    by_round = [measure(ours) / measure(theirs) for ours, theirs in zip(found, reference, strict=False)]
    medians = statistics.median(map(measure, found)) / statistics.median(map(measure, reference))
    return f"**{medians:.2f}** ({min(by_round):.2f}-{max(by_round):.2f})"
