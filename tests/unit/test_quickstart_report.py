"""What the quickstart shows of a run."""

import pytest

from local.quickstart.shown.run import show_rows
from local.quickstart.shown.runs import show_run

ROWS = {"rows_read": 10, "other_country": 1, "rejected": {"malformed": 0}, "kept": 9}
STRIKING = {"column": "first_order_ts", "date": "0001-01-01", "rows": 3, "share": 1 / 3}
ADVICE = '0001-01-01 is the first_order_ts of 3 rows (33.3% of the countries\' rows). If it means "no date", name'


@pytest.mark.parametrize(("striking", "is_told"), [([STRIKING], True), ([], False)])
def test_a_run_tells_its_striking_dates_below_its_rows(striking, is_told, capsys: pytest.CaptureFixture[str]):
    show_rows(
        {"rows": ROWS, "striking_dates": striking, "known_files": 0, "outcome": "published", "served_version": "v1"}
    )

    shown = capsys.readouterr().out
    assert "10 rows read, 1 of other countries" in shown
    assert (ADVICE in shown) == is_told


def test_the_facts_of_a_run_have_them_too(capsys: pytest.CaptureFixture[str]):
    run = {
        "run_id": "run-1",
        "mode": "full",
        "status": "SUCCEEDED",
        "started_at": "2026-01-01T00:00:00+00:00",
        "seconds": 3.0,
        "states": [],
        "shards": 1,
        "groups": 0,
        "rows": ROWS,
        "customers": None,
        "error": None,
        "outcome": "published",
        "version": "v1",
        "summary": {"striking_dates": [STRIKING]},
    }

    show_run(run)

    assert ADVICE in capsys.readouterr().out
