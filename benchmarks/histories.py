"""Histories of any size with the distributions of a real one, made once and kept."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from local.quickstart.here.sample import sample_history

# A real history of this project's kind has as many rows.
ROWS = 285_570
ROW_GROUP_ROWS = 122_880
# Larger histories repeat these many different ones: their rows repeat, what is written for them does not get smaller.
_DISTINCT = 10


def history_file(folder: Path, times: int) -> Path:
    """Return a parquet file of `times` times `ROWS` rows, made if it is not there."""
    file = folder / f"history-{times}x.parquet"
    if file.is_file():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".new")
    parts: list[pa.Table] = []
    with pq.ParquetWriter(draft, _part(0).schema, compression="zstd") as writer:
        for number in range(times):
            if len(parts) < min(times, _DISTINCT):
                parts.append(_part(number))
            writer.write_table(parts[number % _DISTINCT], row_group_size=ROW_GROUP_ROWS)
    draft.replace(file)
    return file


def _part(seed: int) -> pa.Table:
    # A real history comes sorted by the day of the last order.
    return sample_history(ROWS, seed).sort_by("last_order_ts")
