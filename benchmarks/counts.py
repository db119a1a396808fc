"""Counts of years of deliveries: `./quickstart bench counts` measures them, and what Model and WhatIf do with them.

Every measurement is a process of its own, on one core. The counts are made once and kept.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.folder_lake import FolderLake
from benchmarks.histories import ROWS_A_DAY, delivered
from infra_cdk.stages import stage
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.best_ranges import best_ranges
from voucher_selection.domain.counts import Counts, RunningCounts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import CountsOrigin, Model, Version
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.domain.stored_objects import StoredCounts
from voucher_selection.domain.totals import Totals
from voucher_selection.pipeline.publishing import make_model, write_model

ROOT = Path(__file__).resolve().parents[1]
COUNTRIES = ("Peru", "China", "Australia", "Latvia")
FIRST_DAY = date(2016, 1, 1)
DAYS_A_YEAR = 365
# So many days of deliveries are made at once.
_DAYS_AT_ONCE = 73
_TURNS = 3
_MEMORY_MB = stage("dev").what_if_memory_mb
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
_MEMORY_MB_OF_A_CORE = 1_769

type Step = Callable[[FolderLake, date], object]


def main() -> None:
    """Measure every step over each number of years, print the tables, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--no-report", action="store_true", help="only print")
    parser.add_argument("--step", choices=list(STEPS), help="only this step, in this process: it prints JSON")
    options = parser.parse_args()
    folders = {years: _counts(ROOT / ".local/bench", years) for years in options.years}
    if options.step:
        for years, folder in folders.items():
            print(json.dumps(_measure(options.step, folder, years)))
        return
    load = os.getloadavg()[0]
    tables = "\n".join(_table(years, folder) for years, folder in folders.items())
    print(tables)
    if not options.no_report:
        (ROOT / "docs/counts.md").write_text(f"{_head(load)}\n{tables}", encoding="utf-8")


def _head(load: float) -> str:
    return f"""# Counts of years of deliveries

    ./quickstart bench counts

measures how large counts get, and how long Model and WhatIf take with them. A remodel and a what-if should take less than a second.

- The history is made: {ROWS_A_DAY:,} vouchers a day, as on the 94 days of a real history, for {len(COUNTRIES)} countries. As there, nearly all are given 31 or 92 days after the last order.
  94 days of it make about 80,000 rows of counts; the real ones make 78,234.
- Rows of counts grow with the days, because each day has its own. They are bounded by days x values x amounts: many more vouchers a day would not make many more rows.
- Each line is a process of its own, on one core and with a folder in place of the bucket; seconds are the median of {_TURNS} turns, *peak* is the largest resident memory of the process.
- *At 0.58 of a core* is calculated from the CPU: that is what WhatIf gets with its {_MEMORY_MB:,} MB. Model has a whole one. If other programs use the cores too, CPU is more reliable than the seconds.
- Each of Model's lines includes how good the model is ([the report](pages.md)), and the writing of its objects.

Older days could be merged into months to make the counts smaller. No setting does that, because after three years
nothing comes near the memory, and a remodel stays below a second. It would leave 372,000 of the 932,000 rows of three years, if the last year kept its days.

Measured on {datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} shared cores ({platform.machine()}), Python {platform.python_version()}; the load average was {load:.1f} before.
"""


def _table(years: int, folder: Path) -> str:
    stored = _stored(folder, "base")
    rows = _read(FolderLake(folder), "base").table.num_rows
    lines = [
        f"## {years} {'year' if years == 1 else 'years'}",
        "",
        f"{stored.rows[Measure.TOTAL_ORDERS]:,} kept assignments make {rows:,} rows of counts, in"
        f" {stored.object.size / 1e6:.2f} MB of parquet.",
        "",
        "| | seconds | CPU, seconds | at 0.58 of a core | peak, MiB |",
        "|---|---|---|---|---|",
    ]
    for step in STEPS:
        command = [sys.executable, "-m", "benchmarks.counts", "--years", str(years), "--step", step]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "ARROW_IO_THREADS": "1"}
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, cwd=ROOT).stdout
        seconds, cpu_seconds, peak = json.loads(output).values()
        in_function = cpu_seconds * _MEMORY_MB_OF_A_CORE / _MEMORY_MB
        lines.append(f"| {step} | {seconds:.2f} | {cpu_seconds:.2f} | {in_function:.2f} | {peak:.0f} |")
    return "\n".join([*lines, ""])


def _measure(step: str, folder: Path, years: int) -> dict[str, float]:
    seconds, cpu_seconds = [], []
    cur_date = FIRST_DAY + timedelta(days=years * DAYS_A_YEAR)
    for _ in range(_TURNS):
        started, cpu_started = time.perf_counter(), time.process_time()
        STEPS[step](FolderLake(folder), cur_date)
        seconds.append(time.perf_counter() - started)
        cpu_seconds.append(time.process_time() - cpu_started)
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return {
        "seconds": statistics.median(seconds),
        "cpu_seconds": statistics.median(cpu_seconds),
        "peak_mib": int(peak[1]) / 1024 if peak else float("nan"),
    }


def _counts(parent: Path, years: int) -> Path:
    """Return the folder with the counts of so many years, and of the day after them; make it if it is not there."""
    folder = parent / f"counts-{years}y"
    if _record(folder, "delivery").is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    days = years * DAYS_A_YEAR
    _write(folder, "base", _count(FIRST_DAY, days))
    _write(folder, "delivery", _count(FIRST_DAY + timedelta(days=days), 1))
    return folder


def _count(first_day: date, days: int) -> Counts:
    counts = RunningCounts()
    for start in range(0, days, _DAYS_AT_ONCE):
        day = first_day + timedelta(days=start)
        rows = delivered(day, min(_DAYS_AT_ONCE, days - start), seed=day.toordinal()).combine_chunks()
        for batch in rows.to_batches():
            counts.add(clean(batch, Reading(COUNTRIES)).kept)
    return counts.total()


def _write(folder: Path, run_id: str, counts: Counts) -> None:
    stored = FolderLake(folder).write_counts(RunKeys(run_id).merged_counts, counts)
    _record(folder, run_id).write_text(stored.model_dump_json(), encoding="utf-8")


def _record(folder: Path, run_id: str) -> Path:
    return folder / f"{run_id}.json"


def _read(lake: FolderLake, run_id: str) -> Counts:
    return lake.read_counts(RunKeys(run_id).merged_counts, _stored(lake.folder, run_id))


def _stored(folder: Path, run_id: str) -> StoredCounts:
    return StoredCounts.model_validate_json(_record(folder, run_id).read_bytes())


def _append(lake: FolderLake, cur_date: date) -> None:
    """Do what Model does for an append of one day that replaces what was counted for it."""
    base, delivery = _read(lake, "base"), _read(lake, "delivery")
    counts = Counts.sum([base.without(delivery.days()), delivery])
    lake.write_counts(RunKeys("append").merged_counts, counts)
    write_model(lake, counts, _model(counts, cur_date, "append"))


def _remodel(lake: FolderLake, cur_date: date) -> None:
    counts = _read(lake, "base")
    write_model(lake, counts, _model(counts, cur_date, "remodel"))


def _best(measure: Measure) -> Step:
    def step(lake: FolderLake, cur_date: date) -> None:
        best_ranges(_read(lake, "base"), measure, cur_date, COUNTRIES, least_support=1_000)

    return step


def _model(counts: Counts, cur_date: date, run_id: str) -> Model:
    version = Version(
        version="20181231T000000Z",
        run_id=run_id,
        counts=CountsOrigin(run_id, Totals()),
        cur_date=cur_date,
        published_at=datetime.now(UTC),
        countries=COUNTRIES,
        definitions=shipped_definitions(),
    )
    return make_model(version, counts)


STEPS: dict[str, Step] = {
    "nothing: only the imports": lambda _lake, _date: None,
    "read and check the counts": lambda lake, _date: _read(lake, "base"),
    "Model, an append of a day": _append,
    "Model, a remodel": _remodel,
    "WhatIf, another model": lambda lake, date: _model(_read(lake, "base"), date, "what-if"),
    **{f"WhatIf, best ranges of `{measure}`": _best(measure) for measure in Measure},
}


if __name__ == "__main__":
    main()
