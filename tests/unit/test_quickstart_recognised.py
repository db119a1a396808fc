"""What the terminal recognises of local text files before a run, and says of a run's text files after it."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.quickstart.commands.execution import csv_options, looked_at
from local.quickstart.here import recognised
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.workspace import ROOT
from local.quickstart.shown.run import show_assignment, show_rows
from tests.ended_runs import ASSIGN_SUMMARY, HISTORY_SUMMARY
from tests.histories import history, parquet_bytes
from tests.hostile_texts import HEADER, LINE, csv, json_lines
from voucher_selection.domain.text_formats import CsvOptions, Texts

SEMICOLONS = csv(LINE.replace(",", ";").replace("Peru", "Perú"), header=HEADER.replace(",", ";"))
GERMAN = csv("15/09/2018;Peru;13/05/2018;;3;2640,50", header=HEADER.replace(",", ";"))


def said_of(place: Path, capsys: pytest.CaptureFixture[str], options: CsvOptions | None = None) -> list[str]:
    assert looked_at(str(place), "history", options, place.parent, "--source") == place
    begins, *said, ends = capsys.readouterr().err.splitlines()
    assert (begins, ends.startswith(f"✓ Looking at {place}")) == (f"Looking at {place} …", True)
    return said


def test_a_file_is_recognised_before_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "rows.csv"
    file.write_bytes(gzip.compress(SEMICOLONS.decode().encode("windows-1252")))

    assert said_of(file, capsys) == [
        '  rows.csv: CSV with semicolons, quotes ", windows-1252, gzip; columns timestamp, country_code, last_order_ts,'
        " first_order_ts, total_orders, voucher_amount"
    ]


def test_a_file_of_parquet_is_recognised_without_arrow(tmp_path: Path):
    file = tmp_path / "rows.parquet"
    file.write_bytes(parquet_bytes(history({})))
    program = f"""
import sys
from pathlib import Path
from local.quickstart.here.recognised import recognise
recognise(Path({str(file)!r}), "history", None)
print("pyarrow" in sys.modules)
"""

    path = f"{ROOT}{os.pathsep}{ROOT / 'layers/shared/python'}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout.split() == ["False"]


def test_the_files_of_a_folder_are_grouped_by_their_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    contents = {
        "a.csv": csv(LINE),
        "b.csv": csv(LINE, LINE),
        "c.json": json_lines({"country_code": "Peru"}),
        "d.parquet": parquet_bytes(history({})),
        "notes.doc": b"not read",
        "day=1/e.csv": SEMICOLONS,
    }
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)

    said = [line.strip().partition("; columns")[0] for line in said_of(tmp_path, capsys)]

    folder = tmp_path.name
    assert said == [
        f'2 files, the first {folder}/a.csv: CSV with commas, quotes ", UTF-8',
        f"{folder}/c.json: JSON lines, UTF-8",
        f'{folder}/day=1/e.csv: CSV with semicolons, quotes ", UTF-8',
    ]


def test_values_that_would_be_malformed_come_with_the_option_that_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "rows.csv"
    file.write_bytes(GERMAN)

    assert [line.strip() for line in said_of(file, capsys)[1:]] == [
        "1 of the first 1 values of timestamp look like 15/09/2018: say --csv date_format=%d/%m/%Y",
        "1 of the first 1 values of last_order_ts look like 13/05/2018: say --csv date_format=%d/%m/%Y",
        "1 of the first 1 values of voucher_amount look like 2640,50: say --csv decimal=,",
    ]
    assert len(said_of(file, capsys, csv_options(["decimal=,", "date_format=%d/%m/%Y"]))) == 1


def test_of_a_large_folder_the_first_files_are_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recognised, "_MOST_FILES", 2)
    for name in "abc":
        (tmp_path / f"{name}.csv").write_bytes(csv(LINE))

    first, second = said_of(tmp_path, capsys)

    assert first.strip().startswith("2 files, ")
    assert second == "  Looked at the first 2 of 3 files"


def test_nothing_is_said_of_parquet(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "rows.csv"
    file.write_bytes(parquet_bytes(history({})))

    assert said_of(file, capsys) == []


def test_nothing_is_said_of_a_source_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    looked_at("s3://bucket/rows.csv", "history", None, tmp_path, "--source")

    assert capsys.readouterr().err == ""


def test_a_file_that_a_run_would_refuse_is_refused_before_it(tmp_path: Path):
    file = tmp_path / "rows.csv"
    file.write_bytes(b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n")

    with pytest.raises(StepError, match="^rows.csv is a page or document of HTML or XML"):
        looked_at(str(file), "history", None, tmp_path, "--source")


@pytest.mark.parametrize("content", [b"", b"no parquet at all", b"PAR1 and no footer"])
def test_what_is_wrong_with_a_parquet_file_is_left_to_the_run(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "rows.parquet"
    file.write_bytes(content)

    assert said_of(file, capsys) == []


@pytest.mark.parametrize(("show", "summary"), [(show_rows, HISTORY_SUMMARY), (show_assignment, ASSIGN_SUMMARY)])
def test_a_run_says_what_it_recognised(show, summary, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "rows.csv"
    file.write_bytes(GERMAN)
    found = recognised.recognise(file, "history", None)

    show(summary | {"texts": found.texts.model_dump(mode="json")})

    said = capsys.readouterr().out
    assert '  rows.csv: CSV with semicolons, quotes ", UTF-8; columns timestamp, ' in said
    assert "voucher_amount look like 2640,50: say --csv decimal=,\n" in said


@pytest.mark.parametrize(
    "summary", [HISTORY_SUMMARY, HISTORY_SUMMARY | {"texts": Texts().model_dump()}], ids=["an older run", "parquet"]
)
def test_a_run_without_text_files_says_nothing_of_them(summary, capsys: pytest.CaptureFixture[str]):
    show_rows(summary)

    assert "columns" not in capsys.readouterr().out


def test_options_of_csv_are_read_as_in_a_runs_input():
    given = ["delimiter==", "decimal=,", "thousands= ", "quote=", "date_format=%d/%m/%Y", "encoding=latin1"]

    assert csv_options(given) == CsvOptions(
        delimiter="=", decimal=",", thousands=" ", quote="", date_format="%d/%m/%Y", encoding="iso-8859-1"
    )
    assert csv_options(None) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["decimal"], "--csv takes NAME=VALUE, each name once, and 'decimal' has no ="),
        (["decimal=,", "decimal=."], "--csv takes NAME=VALUE, each name once, and 'decimal=.' says this twice"),
        (["separator=;"], "--csv: separator"),
        (["delimiter=;;"], "--csv: delimiter: expected one character"),
        (["thousands=."], "--csv: .*expected other characters for `decimal` and `thousands`"),
    ],
)
def test_options_of_csv_that_cannot_be_read_are_named(given: list[str], message: str):
    with pytest.raises(StepError, match=f"^{message}"):
        csv_options(given)
