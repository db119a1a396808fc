"""Ask a query of the model about one customer."""

from typing import Any

import duckdb


def row_of(query: str, **customer: Any) -> dict[str, Any]:
    """Return the row of a customer's answer in DuckDB, without what is null."""
    columns = ", ".join(
        f"CAST(? AS TIMESTAMP) AS {name}" if name.endswith("_ts") else f"? AS {name}" for name in customer
    )
    with duckdb.connect() as database:
        database.execute(f"CREATE TABLE customers AS SELECT {columns}", [*customer.values()])
        found = database.execute(query)
        (row,) = found.fetchall()
        return {name: cell for (name, *_), cell in zip(found.description, row, strict=True) if cell is not None}
