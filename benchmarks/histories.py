"""Histories of any size with the distributions of a real one, made once and kept."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from local.quickstart.here.sample import sample_history

# A real history of this project's kind has as many rows.
ROWS = 285_570
# It was given out in campaigns: so many days after the last order, in these shares; the rest are stragglers.
DAYS_WHEN_GIVEN = {31: 0.55, 92: 0.43, 91: 0.015}
_STRAGGLERS = 30
ROW_GROUP_ROWS = 122_880
# Larger histories repeat these many different ones: their rows repeat, what is written for them does not get smaller.
_DISTINCT = 10
_DAY = np.timedelta64(1, "D")


def history_file(folder: Path, times: int) -> Path:
    """Return a parquet file of `times` times `ROWS` rows, made if it is not there."""
    file = folder / f"history-by-day-{times}x.parquet"
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


def given_in_campaigns(history: pa.Table, seed: int) -> pa.Table:
    """Return the rows with each voucher given some days after the last order, as in `DAYS_WHEN_GIVEN`.

    A row without a last order keeps its day. The hours stay as they are: every row has its own `timestamp`.
    """
    chance = np.random.default_rng(seed)
    rest = 1 - sum(DAYS_WHEN_GIVEN.values())
    lapse = chance.choice([*DAYS_WHEN_GIVEN, 0], history.num_rows, p=[*DAYS_WHEN_GIVEN.values(), rest])
    lapse[lapse == 0] = chance.integers(1, _STRAGGLERS, int((lapse == 0).sum()))
    assigned = history["timestamp"].to_numpy().astype("datetime64[us]")
    last_order = pc.if_else(pc.equal(history["last_order_ts"], ""), None, history["last_order_ts"])
    day = last_order.to_numpy().astype("datetime64[D]") + lapse * _DAY
    day = np.where(np.isnat(day), assigned.astype("datetime64[D]"), day)
    times = day.astype("datetime64[us]") + (assigned - assigned.astype("datetime64[D]"))
    written = np.char.replace(times.astype(str), "T", " ")
    return history.set_column(history.column_names.index("timestamp"), "timestamp", pa.array(written, pa.string()))


def _part(seed: int) -> pa.Table:
    # A real history comes sorted by the day of the last order.
    return given_in_campaigns(sample_history(ROWS, seed), seed).sort_by("last_order_ts")
