"""Values in the forms of other countries: malformed with a hint that names the keys; with these, the same counts."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.counted_files import counted
from tests.histories import parquet_bytes
from tests.hostile_texts import json_lines
from tests.memory_runs import StageSettings
from tests.text_dialects import NAMES, Row, as_table, rows
from voucher_selection.domain.rules import TIME_COLUMNS

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
# What a run says, and how dates and numbers are written in its files.
FORMS: dict[str, tuple[dict[str, str], str, str]] = {
    "German": ({"decimal": ",", "thousands": ".", "date_format": "%d.%m.%Y"}, r"\3.\2.\1", ".,"),
    "French": ({"decimal": ",", "thousands": " ", "date_format": "%d/%m/%Y"}, r"\3/\2/\1", "\u202f,"),
    "Swiss": ({"thousands": "'", "date_format": "%d.%m.%Y"}, r"\3.\2.\1", "'."),
    "American": ({"thousands": ",", "date_format": "%m/%d/%Y"}, r"\2/\3/\1", ",."),
    "Japanese": ({"thousands": ",", "date_format": "%Y/%m/%d"}, r"\1/\2/\3", ",."),
}


@pytest.fixture(scope="module")
def stage() -> Iterator[StageSettings]:
    with StageSettings.of(countries=("Peru",)) as stage:
        yield stage


@pytest.fixture(scope="module")
def usual() -> list[Row]:
    """Rows of usual values, and one that is malformed in any form."""
    # A number like 1,5 is usual in one of the forms.
    return [row for row in rows() if not re.search("[,;'\"]", row["total_orders"] or "")]


def as_csv(some: Sequence[Row], date: str, marks: str) -> bytes:
    """Return rows with their dates and amounts in another form."""
    lines = ["|".join(NAMES)]
    for row in some:
        of_form = dict(row) | {name: _DATE.sub(date, row[name] or "") for name in TIME_COLUMNS}
        of_form["voucher_amount"] = _number(row["voucher_amount"], marks)
        of_form["total_orders"] = (row["total_orders"] or "").replace(".", marks[1])
        lines.append("|".join('"' + (text or "").replace('"', '""') + '"' for text in of_form.values()))
    return "\n".join([*lines, ""]).encode()


def _number(text: str | None, marks: str) -> str:
    if text is None or "e" in text:
        return text or ""
    whole, point, decimals = text.partition(".")
    return f"{int(whole):,}".replace(",", marks[0]) + point.replace(".", marks[1]) + decimals


@pytest.mark.parametrize("name", FORMS)
def test_with_the_keys_that_the_hints_name_values_count_the_same(name: str, usual: list[Row], stage: StageSettings):
    said, date, marks = FORMS[name]
    content = as_csv(usual, date, marks)

    unsaid, found = counted(stage, {"rows.csv": content}), counted(stage, {"rows.csv": content}, csv=said)

    expected = counted(stage, {"rows.parquet": parquet_bytes(as_table(usual))})
    assert (found.counts, found.totals) == (expected.counts, expected.totals)
    assert found.plan.texts.hints == ()
    # Nothing is guessed: rows without any date or number of this form are all that is kept.
    assert unsaid.totals.kept < expected.totals.kept / 4
    assert unsaid.totals.rejected["malformed"] > expected.totals.rejected["malformed"]
    named: dict[str, Any] = {}
    for hint in unsaid.plan.texts.hints:
        assert any(said.items() >= options.model_dump(exclude_none=True).items() for options in hint.options), hint
        named |= hint.options[0].model_dump(exclude_none=True)
    assert named.keys() >= {"date_format"}
    assert {"decimal", "thousands"} & named.keys()


def test_forms_are_of_csv_alone(usual: list[Row], stage: StageSettings):
    """In JSON lines and parquet beside a CSV, values are as usual."""
    said, date, marks = FORMS["German"]
    files = {
        "a.csv": as_csv(usual, date, marks),
        "b.jsonl": json_lines(*usual),
        "c.parquet": parquet_bytes(as_table(usual)),
    }

    found = counted(stage, files, csv=said)

    once = counted(stage, {"c.parquet": files["c.parquet"]})
    assert found.totals.kept == 3 * once.totals.kept
    assert found.totals.rejected == {rule: 3 * number for rule, number in once.totals.rejected.items()}
