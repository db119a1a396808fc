"""What the terminal says of the rows of a run and of the files it has not read."""

from datetime import date

import pytest

from local.quickstart.machine.terminal import console
from local.quickstart.shown.run import show_assignment, show_rows
from tests.ended_runs import ASSIGN_SUMMARY, HISTORY_SUMMARY
from voucher_selection.domain.assigned_on import AssignedOn
from voucher_selection.domain.totals import Totals

LEFT_OUT = {"left_out": {"objects": 2, "names": ["notes/[b].doc", "a.txt"]}}


@pytest.mark.parametrize(("show", "summary"), [(show_rows, HISTORY_SUMMARY), (show_assignment, ASSIGN_SUMMARY)])
def test_objects_that_were_not_read_are_told(show, summary, capsys: pytest.CaptureFixture[str]):
    show(summary | LEFT_OUT)

    assert (
        "Not read, because not named like parquet, CSV or JSON lines: 2 objects: notes/[b].doc, a.txt\n"
        in capsys.readouterr().out
    )


@pytest.mark.parametrize(("show", "summary"), [(show_rows, HISTORY_SUMMARY), (show_assignment, ASSIGN_SUMMARY)])
@pytest.mark.parametrize("left_out", [{}, {"left_out": {"objects": 0, "names": []}}], ids=["an older run", "none"])
def test_where_all_was_read_nothing_is_said_of_it(show, summary, left_out, capsys: pytest.CaptureFixture[str]):
    show(summary | left_out)

    assert "Not read" not in capsys.readouterr().out


def test_rows_of_other_countries_are_listed_and_a_misspelt_one_is_pointed_out(capsys: pytest.CaptureFixture[str]):
    rows = Totals(rows_read=9_000, other_country=9_000, other_countries={"Chile": 7_500, "Perú": 120, "[b]x": 1})

    show_rows(HISTORY_SUMMARY | {"rows": rows.model_dump(), "countries": ["Peru"]})

    said = " ".join(capsys.readouterr().out.split())
    assert "Other countries: Chile 7,500, Perú 120 (did you mean Peru?), [b]x 1, all others 1,379" in said


def test_where_no_names_are_known_none_are_listed(capsys: pytest.CaptureFixture[str]):
    show_rows(HISTORY_SUMMARY)

    assert "Other countries" not in capsys.readouterr().out


def test_a_run_says_when_its_rows_were_given(capsys: pytest.CaptureFixture[str]):
    given = AssignedOn(
        months={"2018-06": 1_200, "2018-07": 3},
        days=(date(2018, 6, 2), date(2018, 7, 31)),
        undated=2,
        before_last_order=5,
    )

    show_rows(HISTORY_SUMMARY | {"assigned_on": given.model_dump(mode="json")})

    said = " ".join(capsys.readouterr().out.split())
    months = "2018-06 1,200, 2018-07 3, 2 without a day; 5 of these before the last order"
    assert f"Given 2018-06-02 to 2018-07-31: {months}" in said


@pytest.mark.parametrize("summary", [{}, {"assigned_on": AssignedOn().model_dump(mode="json")}], ids=["older", "none"])
def test_a_run_without_rows_given_says_nothing_of_it(summary, capsys: pytest.CaptureFixture[str]):
    show_rows(HISTORY_SUMMARY | summary)

    assert "Given" not in capsys.readouterr().out


OF_PERU = {"country_code": "Peru", "customers": 1_800, "by_segment": 1_600, "by_country": 200, "sum": 290.5}


@pytest.mark.parametrize(
    ("one_amount", "told"),
    [
        (
            {"country_amount": 0.2, "country_sum": 3_600_000.0},
            "Peru: 1,800 customers (1,600 by segment, 200 by country) get 290.5 in all; with 0.2 for each of them,"
            " 3,600,000\n",
        ),
        (
            {"country_amount": None, "country_sum": None},
            "Peru: 1,800 customers (1,600 by segment, 200 by country) get 290.5 in all\n",
        ),
    ],
    ids=["a model", "a model of an older version"],
)
def test_the_cost_of_amounts_is_told_by_country(
    one_amount, told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(console, "width", 160)

    show_assignment(ASSIGN_SUMMARY | {"cost": {"countries": [OF_PERU | one_amount], "all_countries": 3, "amounts": []}})

    said = capsys.readouterr().out
    assert told in said
    assert "And 2 more countries" in said


@pytest.mark.parametrize(("rounded", "told"), [(2_000, "2,000 of those kept have an amount that was rounded"), (0, "")])
def test_rounded_amounts_are_told_where_there_are_some(rounded: int, told: str, capsys: pytest.CaptureFixture[str]):
    rows = Totals(rows_read=3_000, kept=3_000, amounts_rounded=rounded).model_dump()

    show_rows(HISTORY_SUMMARY | {"rows": rows})

    said = capsys.readouterr().out
    assert "3,000 rows read" in said
    assert told in said
    assert ("rounded" in said) == bool(rounded)


def test_files_that_a_run_left_out_are_named_with_their_errors(capsys: pytest.CaptureFixture[str]):
    fault = {"source": "s3://b/inbox/[a].csv", "identity": "x", "error": "UnreadableText", "message": "line 3 …"}

    show_rows(HISTORY_SUMMARY | {"unusable": {"files": 1, "first": [fault]}})

    left_out = "Left out, because they cannot be used: 1 object: s3://b/inbox/[a].csv (UnreadableText)"
    assert left_out in capsys.readouterr().out.replace("\n", " ")
