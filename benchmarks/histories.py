"""Histories of any size with the distributions of a real one, made once and kept."""

from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from local.quickstart.here.sample import sample_history

# A real history of this project's kind has as many rows.
ROWS = 285_570
# These were given on 94 days.
ROWS_A_DAY = 3_038
# It was given out in campaigns: so many days after the last order, in these shares; the rest are stragglers.
DAYS_WHEN_GIVEN = {31: 0.55, 92: 0.43, 91: 0.015}
_STRAGGLERS = 30
# The chance of each day before the last order to be that of the first, as the sample has it.
_FIRST_ORDER = 0.004
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
    last_order = pc.if_else(pc.equal(history["last_order_ts"], ""), None, history["last_order_ts"])
    lapse = _days_when_given(np.random.default_rng(seed), history.num_rows)
    assigned = last_order.to_numpy().astype("datetime64[D]") + lapse * _DAY
    return _given_on(history, np.where(np.isnat(assigned), _days_of(history), assigned))


def delivered(first_day: date, days: int, seed: int) -> pa.Table:
    """Return the vouchers of some consecutive days, as many on each as in a real history: `ROWS_A_DAY`."""
    history = sample_history(days * ROWS_A_DAY, seed)
    chance = np.random.default_rng(seed)
    assigned = np.datetime64(first_day) + chance.integers(0, days, history.num_rows) * _DAY
    last_order = assigned - _days_when_given(chance, history.num_rows) * _DAY
    first_order = last_order - chance.geometric(_FIRST_ORDER, history.num_rows) * _DAY
    blank = pc.equal(history["last_order_ts"], "")
    written = pc.if_else(blank, "", pa.array(last_order.astype(str), pa.string()))
    history = _with(history, "last_order_ts", written)
    history = _with(history, "first_order_ts", pa.array(first_order.astype("datetime64[ms]"), pa.timestamp("ms")))
    return _given_on(history, assigned)


def _days_when_given(chance: np.random.Generator, rows: int) -> npt.NDArray[np.int64]:
    rest = 1 - sum(DAYS_WHEN_GIVEN.values())
    lapse = chance.choice([*DAYS_WHEN_GIVEN, 0], rows, p=[*DAYS_WHEN_GIVEN.values(), rest])
    return np.where(lapse, lapse, chance.integers(1, _STRAGGLERS, rows))


def _days_of(history: pa.Table) -> npt.NDArray[np.datetime64]:
    days: npt.NDArray[np.datetime64] = history["timestamp"].to_numpy().astype("datetime64[D]")
    return days


def _given_on(history: pa.Table, day: npt.NDArray[np.datetime64]) -> pa.Table:
    hours = history["timestamp"].to_numpy().astype("datetime64[us]") - _days_of(history)
    written = np.char.replace((day + hours).astype(str), "T", " ")
    return _with(history, "timestamp", pa.array(written, pa.string()))


def _with(history: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return history.set_column(history.column_names.index(name), name, column)


def _part(seed: int) -> pa.Table:
    # A real history comes sorted by the day of the last order.
    return given_in_campaigns(sample_history(ROWS, seed), seed).sort_by("last_order_ts")
