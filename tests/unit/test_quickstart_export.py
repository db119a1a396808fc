"""`./quickstart export` writes what the API gives, whole and byte for byte."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from local.quickstart.cli import app
from local.quickstart.commands.session import Product
from local.quickstart.here import api
from local.quickstart.machine.http_client import Answer
from local.quickstart.machine.record import Deployment
from local.quickstart.machine.workspace import Workspace

TABLE = "\ufeffcountry_code,segment\r\nPerú,1-4\r\n"


class Answers(NamedTuple):
    """What an API answers, by address, and what was asked."""

    by_address: dict[str, Answer]
    asked: list[str]

    def ask(self, url: str, *_: object, **__: object) -> Answer:
        self.asked.append(url.partition("/local/")[2])
        return self.by_address.get(self.asked[-1], Answer(404, json.dumps({"detail": "expected a version"})))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Answers:
    found = Answers({}, [])
    deployed = Deployment(fingerprint="", api_url="", state_machine_arn="", bucket="", table="", api_key=None)
    monkeypatch.setattr(Product, "if_up", lambda: Product(Workspace(tmp_path, 4566), deployed))
    monkeypatch.setattr(api, "ask", found.ask)
    return found


def export(*options: str) -> int:
    try:
        return app(["export", *options], standalone_mode=False) or 0
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.mark.parametrize(
    ("options", "address"),
    [
        ((), "model.json"),
        (("--version", "v 1"), "model.json?version=v+1"),
        (("--format", "csv"), "segments.csv"),
        (("--format", "csv", "--table", "worth"), "report.csv?table=worth"),
        (("--format", "sql", "--dialect", "duckdb"), "model.sql?dialect=duckdb"),
    ],
)
def test_it_prints_what_the_route_answers(
    answers: Answers, options: tuple[str, ...], address: str, capsys: pytest.CaptureFixture[str]
):
    answers.by_address[address] = Answer(200, TABLE)

    assert export(*options) == 0
    assert capsys.readouterr().out == TABLE


def test_a_file_has_all_parts_of_a_table_and_the_names_of_its_columns_once(answers: Answers, tmp_path: Path):
    following = "?version=v1&start=1"
    answers.by_address["segments.csv"] = Answer(200, TABLE, following)
    answers.by_address[f"segments.csv{following}"] = Answer(200, "\ufeffcountry_code,segment\r\nPerú,5-13\r\n")

    assert export("--format", "csv", "--output", str(tmp_path / "segments.csv")) == 0
    assert (tmp_path / "segments.csv").read_bytes() == (TABLE + "Perú,5-13\r\n").encode()


def test_a_program_gets_one_document(answers: Answers, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    answers.by_address["segments.csv"] = Answer(200, TABLE)
    file = tmp_path / "segments.csv"

    export("--format", "csv", "--output", str(file), "--json")
    assert json.loads(capsys.readouterr().out) == {"format": "csv", "file": str(file), "bytes": len(TABLE.encode())}
    export("--format", "csv", "--json")
    assert json.loads(capsys.readouterr().out) == {"format": "csv", "text": TABLE}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--dialect", "duckdb"), "--dialect is for --format sql, got --format json"),
        (("--table", "worth"), "--table is for --format csv, got --format json"),
        (("--version", "gone"), "expected a version"),
    ],
)
def test_what_is_wrong_is_told(
    answers: Answers, options: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
):
    assert export(*options) == 1
    assert told in " ".join(capsys.readouterr().err.split())
