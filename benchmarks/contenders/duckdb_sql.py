"""DuckDB, on two threads like the others."""

from pathlib import Path

import duckdb

from benchmarks.answer import Answer

_CLEANED = """
    WITH parsed AS (
        SELECT *, try_cast(timestamp AS TIMESTAMP) AS assigned_at,
            try_cast(nullif(trim(last_order_ts), '') AS TIMESTAMP) AS last_order,
            try_cast(nullif(trim(total_orders), '') AS DOUBLE) AS orders
        FROM (SELECT *, file_row_number AS row FROM read_parquet($file, file_row_number = true))
        WHERE country_code = $country
    )
    SELECT *, CASE
        WHEN (timestamp IS NOT NULL AND assigned_at IS NULL)
            OR (trim(last_order_ts) <> '' AND last_order IS NULL)
            OR (trim(total_orders) <> '' AND orders IS NULL)
            OR orders < 0 OR orders <> floor(orders) OR voucher_amount < 0 OR isinf(voucher_amount) THEN 'malformed'
        WHEN orders = 0 AND (last_order IS NOT NULL OR first_order_ts IS NOT NULL) THEN 'zero_orders_with_dates'
        WHEN last_order < first_order_ts THEN 'last_before_first'
        WHEN orders IS NULL THEN 'null_total_orders'
        WHEN voucher_amount IS NULL THEN 'null_voucher_amount'
    END AS rule
    FROM parsed
"""


# What each measure counts, of the keys below; nulls are not counted.
_VALUES = {
    "total_orders": "orders::BIGINT",
    "days_since_last_order": "last_day - DATE '1970-01-01'",
    "days_since_last_order_when_given": "assigned_on - last_day",
    "months_since_first_order": "month - DATE '1970-01-01'",
}
_KEYS = (
    "rule, assigned_at::DATE AS assigned_on, orders, last_order::DATE AS last_day,"
    " date_trunc('month', first_order_ts)::DATE AS month, voucher_amount"
)


def count(file: Path, country: str) -> Answer:
    """Count the history, and write nothing."""
    with duckdb.connect(config={"threads": 2}) as database:
        # The least table that all counts can be made from, in one pass over the file: faster than GROUPING SETS.
        database.execute(
            f"CREATE TEMP TABLE counted AS SELECT {_KEYS}, count(*) AS rows FROM ({_CLEANED}) GROUP BY ALL",
            {"file": str(file), "country": country},
        )
        return _answer(database)


def write(file: Path, country: str, folder: Path) -> Answer:
    """Count the history, and write its kept and its rejected rows into the folder."""
    with duckdb.connect(str(folder / "duck.db"), config={"threads": 2}) as database:
        database.execute(f"CREATE TABLE cleaned AS {_CLEANED}", {"file": str(file), "country": country})
        kept = "assigned_at, country_code, last_order, first_order_ts, orders::BIGINT AS total_orders, voucher_amount"
        for name, query in {
            "cleaned": f"SELECT {kept} FROM cleaned WHERE rule IS NULL",
            "rejected": "SELECT * EXCLUDE (assigned_at, last_order, orders) FROM cleaned WHERE rule IS NOT NULL",
        }.items():
            database.execute(f"COPY ({query}) TO '{folder / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
        database.execute(f"CREATE TEMP TABLE counted AS SELECT {_KEYS}, count(*) AS rows FROM cleaned GROUP BY ALL")
        return _answer(database)


def _answer(database: duckdb.DuckDBPyConnection) -> Answer:
    by_rule = dict(database.execute("SELECT rule, sum(rows) FROM counted GROUP BY ALL").fetchall())
    counts = " UNION ALL ".join(
        f"SELECT assigned_on - DATE '1970-01-01', '{measure}', {value}, voucher_amount, sum(rows)"
        f" FROM counted WHERE rule IS NULL AND {value} IS NOT NULL GROUP BY ALL"
        for measure, value in _VALUES.items()
    )
    return Answer(by_rule.pop(None, 0), by_rule, database.execute(counts).fetchall())
