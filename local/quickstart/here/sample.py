"""A small history with the quirks of real ones, to try everything without a file."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

# The amounts of each country's vouchers, and how often each was given.
_AMOUNTS = {
    "Peru": ([2640.0, 3520.0, 4400.0], [0.56, 0.22, 0.22]),
    "China": ([1760.0, 5720.0, 8800.0], [0.5, 0.2, 0.3]),
    "Australia": ([4400.0, 8800.0, 13200.0], [0.4, 0.35, 0.25]),
    "Latvia": ([1540.0, 2200.0, 3080.0], [0.3, 0.45, 0.25]),
}
_COUNTRY_SHARES = [0.16, 0.35, 0.27, 0.22]
_LAST_ORDERS = ("2018-03-09", "2018-07-29")
_DAY = np.timedelta64(1, "D")
# After so many days without an order a campaign gives vouchers; of a hundred, one is given on some other day.
_CAMPAIGNS, _CAMPAIGN_SHARES = [31, 91, 92], [0.56, 0.22, 0.22]
_LAST_ASSIGNMENT = np.datetime64("2018-09-01")


def sample_history(rows: int = 50_000, seed: int = 2018) -> pa.Table:
    """Make voucher assignments: numbers and dates as text, blanks, nulls, and rows that break each rule.

    Returns
    -------
    The columns of a history: `timestamp`, `country_code`, `last_order_ts` and `total_orders` as text,
    `first_order_ts` as timestamp[ms], `voucher_amount` as float. The same seed gives the same rows.
    """
    chance = np.random.default_rng(seed)
    countries = chance.choice(list(_AMOUNTS), rows, p=_COUNTRY_SHARES)
    first_day, last_day = (np.datetime64(day) for day in _LAST_ORDERS)
    last_order = first_day + (chance.beta(4, 3, rows) * ((last_day - first_day) / _DAY)).astype(int) * _DAY
    first_order = last_order - chance.geometric(0.004, rows) * _DAY
    assigned = _days_given(last_order, seed) + np.timedelta64(16, "h") + chance.integers(0, 10**10, rows)
    total_orders = np.minimum(chance.geometric(0.11, rows), 460)
    amounts = np.empty(rows)
    for country, (values, shares) in _AMOUNTS.items():
        of_country = countries == country
        amounts[of_country] = chance.choice(values, of_country.sum(), p=shares)
    orders_text = np.char.add(total_orders.astype(str), ".0").astype(object)
    orders_text[chance.random(rows) < 0.11] = "0.0"
    orders_text[chance.random(rows) < 0.08] = ""
    orders_text[chance.random(rows) < 0.001] = "2.5"
    last_order_text = last_order.astype(str).astype(object)
    last_order_text[chance.random(rows) < 0.02] = ""
    first_order[chance.random(rows) < 0.002] = last_day + _DAY
    return pa.table(
        {
            "timestamp": np.char.replace(assigned.astype(str), "T", " "),
            "country_code": countries,
            "last_order_ts": pa.array(last_order_text, pa.string()),
            "first_order_ts": pa.array(first_order.astype("datetime64[ms]"), pa.timestamp("ms")),
            "total_orders": pa.array(orders_text, pa.string()),
            "voucher_amount": pa.array(amounts, mask=chance.random(rows) < 0.006),
        }
    )


def _days_given(last_order: npt.NDArray[np.datetime64], seed: int) -> npt.NDArray[np.datetime64]:
    """Return the day on which each voucher was given, in microseconds; most are days of a campaign."""
    chance = np.random.default_rng([seed, 1])
    days = chance.choice(_CAMPAIGNS, len(last_order), p=_CAMPAIGN_SHARES)
    stragglers = chance.random(len(days)) < 0.01
    days[stragglers] = chance.integers(30, 200, stragglers.sum())
    days[last_order + days * _DAY > _LAST_ASSIGNMENT] = _CAMPAIGNS[0]
    return (last_order + days * _DAY).astype("datetime64[us]")


def sample_file(folder: Path) -> Path:
    """Return the sample as a parquet file in `folder`; make it if it does not exist yet."""
    file = folder / "sample.parquet.gzip"
    if not file.is_file():
        draft = folder / "sample.new"
        pq.write_table(sample_history(), draft, compression="gzip")
        draft.replace(file)
    return file
