"""Tables of the pages, as text."""

from playwright.sync_api import Locator, expect

# What stands in a cell without a value.
NOTHING = "\N{EN DASH}"
_CELLS = "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"


def rows_of(table: Locator) -> list[list[str]]:
    """Return what stands in each row of a table's body, cell by cell, once the table is there."""
    expect(table).to_be_visible()
    rows: list[list[str]] = table.locator("tbody tr").evaluate_all(_CELLS)
    return rows


def amount(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.15g}"


def number(value: int) -> str:
    return f"{value:,}"


def percent(share: float | None) -> str:
    """Return a share as the pages show it, where one decimal tells it from 0 and 1."""
    return NOTHING if share is None else f"{100 * share:.1f} %"
