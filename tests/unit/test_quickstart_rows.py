"""What the terminal says of the rows of a run and of the files it has not read."""

import pytest

from local.quickstart.report import show_assignment, show_rows

ROWS = {
    "rows": {"rows_read": 2, "other_country": 1, "rejected": {"malformed": 0}, "kept": 1},
    "known_files": 0,
    "outcome": "published",
    "version": "v",
    "served_version": "v",
}
CUSTOMERS = {"rows": 2, "assigned": 2, "problems": {}, "version": "v", "output": "s3://lake/x/"}
LEFT_OUT = {"left_out": {"objects": 2, "names": ["notes/[b].csv", "a.txt"]}}


@pytest.mark.parametrize(("show", "summary"), [(show_rows, ROWS), (show_assignment, CUSTOMERS)])
def test_objects_that_were_not_read_are_told(show, summary, capsys: pytest.CaptureFixture[str]):
    show(summary | LEFT_OUT)

    assert "Not read, because not named like parquet: 2 objects: notes/[b].csv, a.txt\n" in capsys.readouterr().out


@pytest.mark.parametrize(("show", "summary"), [(show_rows, ROWS), (show_assignment, CUSTOMERS)])
@pytest.mark.parametrize("left_out", [{}, {"left_out": {"objects": 0, "names": []}}], ids=["an older run", "none"])
def test_where_all_was_read_nothing_is_said_of_it(show, summary, left_out, capsys: pytest.CaptureFixture[str]):
    show(summary | left_out)

    assert "Not read" not in capsys.readouterr().out
