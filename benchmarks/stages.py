"""Where the core's time goes: `./quickstart bench stages` prints the CPU time of its stages, one after the other.

Then it prints how many times Arrow's own reader is what row groups of one row take: counting them, and their footer.
"""

import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.histories import history_file
from infra_cdk.stages import stage as stage_named
from local.quickstart.here.sample import sample_history
from voucher_selection.adapters.parquet.columns import RowGroups
from voucher_selection.adapters.parquet.footers import check_footer
from voucher_selection.domain.counts import Counts, RunningCounts
from voucher_selection.domain.history import COLUMN_NAMES
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.pipeline.batches import read_batches
from voucher_selection.pipeline.counting import clean_batches

BATCH_ROWS = stage_named("dev").batch_rows
TURNS = 9
SMALL_ROW_GROUPS = 4_000


def main() -> None:
    """Measure each stage over the history of one million rows' third, and print its share."""
    file = history_file(Path(__file__).resolve().parents[1] / ".local/bench", 1)
    row_groups = RowGroups(0, pq.read_metadata(file).num_row_groups, 0)
    batches = [batch.rows for batch in read_batches(lambda: str(file), pq.read_metadata(file), row_groups, BATCH_ROWS)]
    kept = [clean(batch, Reading(("Peru",))).kept for batch in batches]
    others = [name for name in COLUMN_NAMES if name != "timestamp"]
    stages: dict[str, Callable[[], object]] = {
        "read timestamp": lambda: _read(file, ["timestamp"]),
        "read the other columns": lambda: _read(file, others),
        "clean": lambda: [clean(batch, Reading(("Peru",))) for batch in batches],
        "count": lambda: [Counts.of(rows) for rows in kept],
    }
    seconds = {name: _cpu_seconds(stage) for name, stage in stages.items()}
    for name, value in seconds.items():
        print(f"{name:<24} {1000 * value:6.1f} ms  {value / sum(seconds.values()):4.0%}")
    for name, ratio in _ratios_of_small_row_groups().items():
        print(f"{SMALL_ROW_GROUPS:,} row groups of one row, {name}: {ratio:.2f} times Arrow's reader")


def _ratios_of_small_row_groups() -> dict[str, float]:
    sink = io.BytesIO()
    pq.write_table(sample_history(SMALL_ROW_GROUPS, seed=3), sink, row_group_size=1)
    content = sink.getvalue()
    row_groups = RowGroups(0, SMALL_ROW_GROUPS, 0)
    arrow, counted, footer = (
        _cpu_seconds(stage)
        for stage in (
            lambda: pq.ParquetFile(io.BytesIO(content)).read(columns=COLUMN_NAMES, use_threads=False),
            lambda: _counted(content, row_groups),
            lambda: check_footer(pq.read_metadata(io.BytesIO(content)), len(content), COLUMN_NAMES),
        )
    )
    return {"cleaned and counted": counted / arrow, "their footer checked": footer / arrow}


def _counted(content: bytes, row_groups: RowGroups) -> Counts:
    counts = RunningCounts()
    for batch in clean_batches(lambda: io.BytesIO(content), row_groups, Reading(("Peru",)), BATCH_ROWS):
        counts.add(batch.cleaned.kept)
    return counts.total()


def _read(file: Path, columns: list[str]) -> None:
    parquet = pq.ParquetFile(file, read_dictionary=columns if "timestamp" not in columns else [])
    for _ in parquet.iter_batches(BATCH_ROWS, columns=columns, use_threads=False):
        pass


def _cpu_seconds(stage: Callable[[], object]) -> float:
    found = []
    for _ in range(TURNS):
        started = time.process_time()
        stage()
        found.append(time.process_time() - started)
    return statistics.median(found)


if __name__ == "__main__":
    main()
