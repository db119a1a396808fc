"""What the terminal tells of a run's rows."""

from typing import Any

import pytest

from local.quickstart import report
from local.quickstart.terminal import console
from voucher_selection.domain.runs import Totals


@pytest.mark.parametrize(("rounded", "told"), [(2_000, "2,000 of those kept have an amount that was rounded"), (0, "")])
def test_rounded_amounts_are_told_where_there_are_some(rounded: int, told: str):
    rows = Totals(rows_read=3_000, kept=3_000, amounts_rounded=rounded).model_dump()
    summary: dict[str, Any] = {"rows": rows, "known_files": 0, "outcome": "published", "served_version": "v"}

    with console.capture() as captured:
        report.show_rows(summary)

    assert "3,000 rows read" in captured.get()
    assert told in captured.get()
    assert ("rounded" in captured.get()) == bool(rounded)
