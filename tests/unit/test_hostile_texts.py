"""Files that are no text, or text with something wrong in it, perhaps far behind the beginning that is looked at."""

import csv as csv_module
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.counted_files import counted
from tests.histories import parquet_bytes
from tests.hostile_texts import HEADER, LINE, OBJECT, REFUSED, bomb, csv, json_lines
from tests.memory_runs import StageSettings
from tests.text_dialects import as_table
from voucher_selection.adapters.text.beginnings import SAMPLE_BYTES
from voucher_selection.domain.errors import TextTooLarge, UnreadableText, VoucherSelectionError
from voucher_selection.pipeline import landed_texts

# Lines and objects that are no fault, more of them than the beginning that is looked at.
MANY = SAMPLE_BYTES // len(LINE) + 100
NAMES = HEADER.split(",")


@pytest.fixture(scope="module")
def stage() -> Iterator[StageSettings]:
    with StageSettings.of(countries=("Peru",), shard_target_rows=1_000_000) as stage:
        yield stage


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_not_of_rows_is_refused_by_name(name: str, stage: StageSettings):
    content, error, message = REFUSED[name]

    with pytest.raises(VoucherSelectionError, match=message) as refused:
        counted(stage, {"rows.csv": content()})

    assert type(refused.value) is error
    assert "rows.csv" in str(refused.value)


# What comes far behind the beginning, and the line that the refusal names.
LATE_FAULTS: dict[str, tuple[str, str]] = {
    "a cell too many": (f"{LINE},5", "has 7 cells, the header 6"),
    "a cell too few": (LINE.rpartition(",")[0], "has 5 cells, the header 6"),
    "a quote that never ends": (f'"{LINE}', "cannot be read"),
    "an escaped quote": (LINE.replace("Peru", r'"Pe\"ru"'), "cannot be read"),
}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", LATE_FAULTS)
def test_the_line_of_a_late_fault_is_named(name: str, line_end: str, stage: StageSettings):
    line, message = LATE_FAULTS[name]
    lines = [LINE] * MANY
    lines[7] = LINE.replace("Peru", f'"Pe{line_end}ru"')  # of two lines
    content = csv(*lines, line, *[LINE] * 3, line_end=line_end)

    with pytest.raises(UnreadableText, match=rf"rows\.csv, .*line {MANY + 3} {message}"):
        counted(stage, {"rows.csv": content})


HARMLESS: dict[str, list[str]] = {
    "cells at the end": [f"{LINE},,"],
    "empty lines": ["", "", " "],
    "a line end in a cell": [LINE.replace("Peru", '"Pe\nru"')],
    "quotes around cells": [",".join(f'"{cell}"' for cell in LINE.split(","))],
    "other signs": [LINE.replace("Peru", "Perú")],
    "a quote in a cell": [LINE.replace("Peru", 'Pe"ru')],
    "a zero in a cell": [LINE.replace("Peru", "Pe\0ru")],
}


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252"])
@pytest.mark.parametrize("name", HARMLESS)
def test_what_comes_late_and_is_no_fault_counts_as_in_parquet(name: str, encoding: str, stage: StageSettings):
    late = HARMLESS[name]
    content = csv(*[LINE] * MANY, *late, LINE).decode().encode(encoding)
    rows_of_late = [
        row for row in csv_module.DictReader(late, NAMES) if any(map(str.strip, filter(None, row.values())))
    ]
    some = [dict(zip(NAMES, LINE.split(","), strict=True))] * (MANY + 1) + [
        {name: row[name] for name in NAMES} for row in rows_of_late
    ]

    found = counted(stage, {"rows.csv": content})

    expected = counted(stage, {"rows.parquet": parquet_bytes(as_table(some))})
    assert (found.counts, found.totals) == (expected.counts, expected.totals)


LATE_OBJECTS: dict[str, tuple[Any, str]] = {
    "no object": ("[1]", "is not (a|one) JSON object"),
    "a nested value": (OBJECT | {"country_code": {"name": "Peru"}}, "has an object or an array as 'country_code'"),
    "a key twice": (json.dumps(OBJECT)[:-1] + ', "country_code": "Latvia"}', "the key 'country_code' occurs twice"),
    "a key in other letters": (OBJECT | {"Country_Code": "Latvia"}, "has the keys 'country_code' and 'Country_Code'"),
    "cut": (json.dumps(OBJECT)[:-9], "is not (a|one) JSON object"),
}


@pytest.mark.parametrize("name", LATE_OBJECTS)
def test_the_line_of_a_late_fault_of_json_is_named(name: str, stage: StageSettings):
    late, message = LATE_OBJECTS[name]
    content = json_lines(OBJECT) * MANY + json_lines(late, OBJECT)

    with pytest.raises(UnreadableText, match=rf"rows\.json, line {MANY + 1} .*{message}"):
        counted(stage, {"rows.json": content})


def test_a_key_that_only_late_lines_have_is_refused(stage: StageSettings):
    """Whether a column exists is known from the beginning: it may not be missing in half of a file."""
    early = {name: value for name, value in OBJECT.items() if name != "first_order_ts"}

    with pytest.raises(VoucherSelectionError, match=r"rows\.json.*first_order_ts"):
        counted(stage, {"rows.json": json_lines(early) * MANY + json_lines(OBJECT)})


@pytest.mark.parametrize(
    ("name", "value", "is_kept"),
    [
        ("voucher_amount", 2640, True),
        ("voucher_amount", "2640.0", True),
        ("voucher_amount", 2640.10, True),
        ("total_orders", 3, True),
        ("total_orders", 3.0, True),
        ("total_orders", "0003", True),
        ("total_orders", 2**53, True),
        ("total_orders", 2**53 + 2, False),
        ("total_orders", 2**70, False),
        ("total_orders", True, False),
        ("total_orders", 2.5, False),
        ("voucher_amount", None, False),
        ("last_order_ts", 1_525_305_600, False),
    ],
)
def test_a_value_of_json_means_what_its_text_means(name: str, value: Any, is_kept: int, stage: StageSettings):
    found = counted(stage, {"rows.json": json_lines(OBJECT, OBJECT | {name: value})})

    text = json.dumps(value) if isinstance(value, bool | int | float) else value
    expected = counted(stage, {"rows.parquet": parquet_bytes(as_table([OBJECT, OBJECT | {name: text}]))})
    assert (found.counts, found.totals) == (expected.counts, expected.totals)
    assert found.totals.kept == 1 + is_kept


@pytest.mark.parametrize("size", [300_000, 900_000])
def test_a_long_cell_that_nobody_reads_changes_nothing(size: int, stage: StageSettings):
    long = f'{LINE},"{"long; " * (size // 6)}"'

    found = counted(stage, {"rows.csv": csv(long, f"{LINE},", long, header=f"{HEADER},comment")})

    assert (found.totals.kept, found.totals.rows_read) == (3, 3)


@pytest.mark.parametrize(
    "content", [f'{LINE},"{"x" * 5_000_000}"', f"{LINE},{'x' * 10_000_000}"], ids=["quoted", "not"]
)
def test_a_line_of_5_mb_is_refused_by_name(content: str, stage: StageSettings):
    with pytest.raises(UnreadableText, match=r"rows\.csv, line 3 has more than 1,048,576 characters"):
        counted(stage, {"rows.csv": csv(f"{LINE},", content, header=f"{HEADER},comment")})


def test_a_bomb_is_refused_before_it_is_read_whole(stage: StageSettings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(landed_texts, "MOST_TEXT_BYTES", 8 * 2**20)

    with pytest.raises(TextTooLarge, match=r"expected at most 8,388,608 bytes .*/rows\.csv"):
        counted(stage, {"rows.csv": bomb()})


LATIN, UTF_8 = (LINE.replace("Peru", "Perú").encode(encoding) for encoding in ("latin-1", "utf-8"))


@pytest.mark.parametrize(
    ("early", "late"), [(UTF_8, LATIN), (LATIN, UTF_8), (LINE.encode(), UTF_8 + b"\n" + LATIN)], ids=["1", "2", "3"]
)
def test_two_encodings_in_one_file_are_refused(early: bytes, late: bytes, stage: StageSettings):
    content = csv(LINE) + early + b"\n" + csv(*[LINE] * MANY, header=LINE) + late + b"\n" + LATIN

    with pytest.raises(UnreadableText, match=r"rows\.csv is not encoded in .* throughout: write it as UTF-8, or name"):
        counted(stage, {"rows.csv": content})

    said = counted(stage, {"rows.csv": content}, csv={"encoding": "latin-1"})
    assert set(said.totals.other_countries) <= {"Perú", "PerÃº"}


def test_quotes_and_signs_after_capital_letters_are_no_second_encoding(stage: StageSettings):
    comments = "«CAFÉ», « déjà… », ”SEÑOR”, MÜLLER®, ÑANDÚ™, 5 €, N°, 20 °C, GRÖSSE«, é…»".encode("windows-1252")
    content = csv(header=f"{HEADER},comment") + f'{LINE},"'.encode() + comments + b'"\n'

    assert counted(stage, {"rows.csv": content}).totals.kept == 1


def test_a_mark_of_utf_8_before_another_encoding_is_refused(stage: StageSettings):
    content = b"\xef\xbb\xbf" + csv(*[LINE] * MANY) + LATIN

    with pytest.raises(UnreadableText, match=r"rows\.csv is not encoded in utf-8"):
        counted(stage, {"rows.csv": content})


@pytest.mark.parametrize(
    "line",
    [
        LINE.replace("2017-05-03", r'"\\N"'),
        LINE.replace("Peru", '"Peru\\"'),
        LINE.replace("Peru", r'"Pe\""ru"'),
    ],
)
def test_a_backslash_that_may_escape_a_sign_is_refused(line: str, stage: StageSettings):
    with pytest.raises(UnreadableText, match=r"rows\.csv has a \\ that may escape the sign after it"):
        counted(stage, {"rows.csv": csv(LINE, line)})

    assert counted(stage, {"rows.csv": csv(LINE, line)}, csv={"quote": '"'}).totals.rows_read == 2


def test_a_byte_order_mark_after_the_header_is_part_of_the_value(stage: StageSettings):
    marked = dict(zip(NAMES, ("\ufeff" + LINE).split(","), strict=True))

    found = counted(stage, {"rows.csv": csv("\ufeff" + LINE, LINE)})

    expected = counted(stage, {"rows.parquet": parquet_bytes(as_table([marked, OBJECT]))})
    assert (found.counts, found.totals) == (expected.counts, expected.totals)
