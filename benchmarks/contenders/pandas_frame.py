"""pandas, as a peer would write it: the whole file in one frame."""

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
    cleaned = pd.DataFrame({"orders": orders, "day": last_order.dt.date, "amount": amount})[rule == ""]
    frequency = cleaned.groupby(["orders", "amount"]).size()
    recency = cleaned.dropna(subset=["day"]).groupby(["day", "amount"]).size()
    names, rows = np.unique(rule[rule != ""], return_counts=True)
    return Answer(
        len(cleaned),
        dict(zip(names.tolist(), rows.tolist(), strict=True)),
        [(orders, amount, rows) for (orders, amount), rows in frequency.items()],
        [(day, amount, rows) for (day, amount), rows in recency.items()],
    )
