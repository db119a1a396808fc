"""What a run has left in the lake, as plain values."""

from datetime import date

from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys


def last_orders(lake: Lake, run_id: str) -> dict[date, int]:
    """Return how many rows a run counts by the day of their last order."""
    counts = lake.read_counts(RunKeys(run_id).merged_counts, None).recency
    return dict(zip(counts["last_order_date"].to_pylist(), counts["rows"].to_pylist(), strict=True))
