"""pandas, as a peer would write it: the whole file in one frame."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.answer import RULES, Answer


def count(file: Path, country: str) -> Answer:
    """Count the history, and write nothing."""
    history = pd.read_parquet(file)
    history = history[history["country_code"] == country].copy()
    assigned = pd.to_datetime(history["timestamp"], errors="coerce")
    last_order = pd.to_datetime(history["last_order_ts"].replace("", None), errors="coerce")
    orders_given = history["total_orders"].str.strip().replace("", None)
    orders = pd.to_numeric(orders_given, errors="coerce")
    first_order, amount = history["first_order_ts"], history["voucher_amount"]
    malformed = (
        (history["timestamp"].notna() & assigned.isna())
        | (orders_given.notna() & orders.isna())
        | (orders < 0)
        | (orders % 1 > 0)
        | (amount < 0)
    )
    broken = [
        malformed,
        (orders == 0) & (last_order.notna() | first_order.notna()),
        last_order < first_order,
        orders.isna(),
        amount.isna(),
    ]
    rule = np.select(broken, RULES, default="")
    day, last_day = _days(assigned), _days(last_order)
    values = {
        "total_orders": orders,
        "days_since_last_order": last_day,
        "days_since_last_order_when_given": day - last_day,
        "months_since_first_order": _days(first_order - pd.to_timedelta(first_order.dt.day - 1, unit="D")),
    }
    kept = pd.DataFrame({"day": day, "amount": amount} | values)[rule == ""]
    names, rows = np.unique(rule[rule != ""], return_counts=True)
    counts = (row for measure in values for row in _counted(kept, measure))
    return Answer(len(kept), dict(zip(names.tolist(), rows.tolist(), strict=True)), counts)


def _counted(kept: pd.DataFrame, measure: str) -> Iterator[tuple[int | None, str, int, float, int]]:
    counted = kept.dropna(subset=[measure]).groupby(["day", measure, "amount"], dropna=False).size().reset_index()
    for day, value, amount, rows in counted.itertuples(index=False, name=None):
        yield None if pd.isna(day) else day, measure, value, amount, rows


def _days(times: pd.Series) -> pd.Series:
    """Return days since 1970-01-01; null without a time."""
    days: pd.Series = (times.dt.normalize() - pd.Timestamp(0)).dt.days
    return days
