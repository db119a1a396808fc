"""What a run has left in the lake, as plain values."""

from datetime import date, timedelta

from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.measures import Measure


def last_orders(lake: Lake, run_id: str) -> dict[date, int]:
    """Return how many rows a run counts by the day of their last order."""
    keys = RunKeys(run_id)
    counts = lake.read_counts(keys.merged_counts, lake.read_json(keys.ledger, Ledger).counts)
    of_days = counts.over_days(Measure.DAYS_SINCE_LAST_ORDER)
    found: dict[date, int] = {}
    for days, rows in zip(of_days["value"].to_pylist(), of_days["rows"].to_pylist(), strict=True):
        day = date(1970, 1, 1) + timedelta(days=days)
        found[day] = found.get(day, 0) + rows
    return found
