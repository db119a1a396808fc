"""The rows of text files: the same from every dialect, or an error that names the line; never other rows."""

import csv
import gzip
import io
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.histories import GOOD_ROW
from tests.text_files import COMPRESSED, DAY, csv_text, json_lines, read, seen
from voucher_selection.adapters.text import streams
from voucher_selection.adapters.text.csv_reading import Irregular, read_regular, read_row_by_row
from voucher_selection.domain.errors import TextTooLarge, UnreadableText
from voucher_selection.domain.text_formats import CsvOptions

WANTED = ("country_code", "total_orders", "voucher_amount")
NAMES = (*WANTED, "note")


def rows_of(*values: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [dict(zip(NAMES, row, strict=True)) for row in values]


ROWS = rows_of(
    ("Peru", "3.0", "2640", "usual"),
    ("Côte d'Ivoire", None, "9.95", "a, b; c | d\te"),
    ("NULL", "\\N", "NaN", 'say "hi", please'),
    (" Peru ", "1e1", "0.1", "two\nlines\r\nof text"),
    ('5" pipe', "", "1", None),
)
READ = [{name: row[name] or None for name in WANTED} for row in ROWS]


@pytest.mark.parametrize("compression", COMPRESSED)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
def test_the_same_rows_come_from_every_dialect(
    compression: str, end: str, delimiter: str, encoding: str, quoting: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(streams, "BLOCK_BYTES", 50)
    text = csv_text(ROWS, delimiter=delimiter, lineterminator=end, quoting=quoting)

    assert read(COMPRESSED[compression](text.encode(encoding)), wanted=WANTED)[0] == READ


@pytest.mark.parametrize("compression", COMPRESSED)
def test_json_lines_have_the_same_rows(compression: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "BLOCK_BYTES", 50)

    assert read(COMPRESSED[compression](json_lines(ROWS).encode()), wanted=WANTED)[0] == READ


def test_numbers_of_json_keep_every_digit():
    numbers = ["9007199254740993", "0.1000000000000000055511151231257827", "1E400", "-0.0", "15.0", "NaN", "1" * 90]
    text = "".join(f'{{"country_code": "Peru", "total_orders": {number}}}\n' for number in numbers)

    assert [row["total_orders"] for row in read(text, wanted=WANTED)[0]] == numbers


def test_a_missing_key_is_null_and_keys_match_in_any_case():
    text = (
        '{"Country_Code ": "Peru", "total_orders": true}\n\n{"total_orders": null, "note": [1]}\r\n{"COUNTRY_CODE": ""}'
    )

    assert read(text, wanted=WANTED)[0] == [
        {"country_code": "Peru", "total_orders": "true"},
        {"country_code": None, "total_orders": None},
        {"country_code": None, "total_orders": None},
    ]


def test_half_a_character_of_json_is_another_character():
    text = '{"country_code": "Peru\\ud83d", "total_orders": "1"}\n'

    assert read(text, wanted=WANTED)[0] == [{"country_code": "Peru?", "total_orders": "1"}]


# Rows of other widths

HEADER = "country_code,total_orders,voucher_amount"
BOTH = [
    {"country_code": "Peru", "total_orders": "3", "voucher_amount": "1"},
    {"country_code": "Latvia", "total_orders": None, "voucher_amount": "2"},
]
SAME = {
    "delimiters at the end of rows": f"{HEADER}\nPeru,3,1,\nLatvia,,2,\n",
    "delimiters at the end of all lines": f"{HEADER},,\nPeru,3,1,,\nLatvia,,2,,\n",
    "a delimiter at the end of the header": f"{HEADER},\nPeru,3,1\nLatvia,,2\n",
    "some rows with empty cells at the end": f"{HEADER}\nPeru,3,1\nLatvia,,2,, \n",
    "empty lines": f"\n{HEADER}\n\nPeru,3,1\n\n\nLatvia,,2\n\n",
    "blank lines": f" \n{HEADER}\n   \nPeru,3,1\n\t\nLatvia,,2\n  ",
    "no line end at the end": f"{HEADER}\nPeru,3,1\nLatvia,,2",
    "lines that end twice": f"{HEADER}\r\r\nPeru,3,1\r\r\nLatvia,,2\r\r\n",
    "blanks before quotes": 'country_code, "total_orders", "voucher_amount"\n"Peru", "3", "1"\n"Latvia", "", "2"\n',
    "a column without a name": f",{HEADER}\n0,Peru,3,1\n1,Latvia,,2\n",
    "the same name twice, not wanted": f"note,{HEADER},note\n,Peru,3,1,\n,Latvia,,2,x\n",
    "quotes in the middle": 'country_code,total_orders,voucher_amount,note\nPeru,3,1,5" pipe\nLatvia,,2,a "b" c\n',
}


@pytest.mark.parametrize("written", SAME)
def test_what_does_not_count_changes_no_row(written: str):
    assert read(SAME[written], wanted=WANTED)[0] == BOTH


REFUSED = {
    "a row too short": (f"{HEADER}\nPeru,3,1\nLatvia,2\n", "line 3 has 2 cells, the header 3"),
    "a row too long": (f"{HEADER}\nPeru,3,1\nLatvia,,2,x\n", "line 3 has 4 cells, the header 3"),
    "a decimal comma": (f"{HEADER}\nPeru,3,9,95\n", "line 2 has 4 cells, the header 3: .* needs quotes"),
    "a total line": (f"{HEADER}\nPeru,3,1\nTotal: 1\n", "line 3 has 1 cells, the header 3"),
    "an extra cell where others have empty ones": (f"{HEADER}\nPeru,3,1,\nLatvia,,2,x\n", "line 3 has 4 cells"),
    "an open quote": (f'{HEADER}\nPeru,3,1\n"Latvia,,2\nPeru,3,1\n', "row that begins in line 3 .*unexpected end"),
    "an open quote at the end": (f'{HEADER}\nPeru,3,1\nLatvia,,"2\n', "row that begins in line 3 .*unexpected end"),
    "text after a quote": (f'{HEADER}\n"Peru,3,1\n"Latvia,,2\n', "row that begins in line 2 .*expected after"),
    "backslashes before quotes": (f'{HEADER}\n"a \\"b\\" c",3,1\n', "row that begins in line 2 .*expected after"),
    "single quotes later": (f"{HEADER}\n" + "Peru,3,1\n" * 40_000 + "'Peru','3','1'\n", "cells in ' quotes"),
    "a row of too few empty cells": (f"{HEADER}\nPeru,3,1\n,\n", "line 3 has 2 empty cells"),
    "a line that does not end": (f"{HEADER}\n{'x' * 3_000_000}", "line 2 has more than 1,048,576 characters"),
    "a nested value": ('{"country_code": {"name": "Peru"}}\n', "line 1 has an object or an array as 'country_code'"),
    "a key twice": ('{"country_code": "Peru", "country_code": "x"}\n', "'country_code' occurs twice"),
    "a key in two spellings": (
        '{"country_code": "Peru", "Country_Code": "x"}\n',
        "line 1 has the keys 'country_code' and 'Country_Code'",
    ),
    "two objects on a line": ('{"country_code": "Peru"}\n{"a": 1} {"b": 2}\n', "line 2 "),
    "a line that is cut": ('{"country_code": "Peru"}\n{"country_code": "Pe', "line 2 is not a JSON object"),
    "a key that comes late": (
        '{"country_code": "Peru"}\n' * 20_000 + '{"country_code": "Peru", "total_orders": 1}\n',
        "line 20001 has the key 'total_orders', which no line at the beginning has",
    ),
    "a deep object": ('{"country_code": ' + "[" * 200_000 + "\n", "line 1 is not a JSON object"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_read_is_refused_by_its_line(fault: str):
    text, message = REFUSED[fault]

    with pytest.raises(UnreadableText, match=f"^{DAY}.*{message}"):
        read(text, wanted=WANTED)


def test_lines_are_those_of_the_file_also_after_line_ends_within_cells():
    text = f'\n{HEADER}\n"two\nlines",3,1\nLatvia,2\n'

    with pytest.raises(UnreadableText, match="line 5 has 2 cells"):
        read(text, wanted=WANTED)


def test_a_repeated_header_is_a_row_of_another_country():
    text = f"{HEADER}\nPeru,3,1\n{HEADER}\n"

    assert read(text, wanted=WANTED)[0][1]["country_code"] == "country_code"


def test_without_quotes_quotes_are_text():
    text = f'{HEADER}\n"Peru,3,1\n'

    assert read(text, CsvOptions(quote=""), WANTED)[0][0]["country_code"] == '"Peru'


# Encodings


def test_a_file_whose_first_odd_byte_comes_late_is_read_in_windows_1252():
    text = f"{HEADER}\n" + "Peru,3,1\n" * 40_000 + "Türkiye,3,1\n"

    rows, recognised = read(text.encode("windows-1252"), wanted=WANTED)

    assert (rows[-1]["country_code"], recognised.encoding) == ("Türkiye", "windows-1252")


@pytest.mark.parametrize("options", [None, CsvOptions(encoding="utf-8")])
def test_a_file_of_two_encodings_is_refused_with_the_key_to_set(options: CsvOptions | None):
    lines = "Türkiye,3,1\n"
    content = f"{HEADER}\n{lines * 40_000}".encode() + lines.encode("windows-1252")

    with pytest.raises(UnreadableText, match="not encoded in utf-8 throughout: .* name its `encoding`"):
        read(content, options, WANTED)


# Limits


def test_a_bomb_ends_at_the_budget():
    bomb = gzip.compress(f"{HEADER}\nPeru,3,1\n".encode() + b"\n" * 2**26)

    with pytest.raises(TextTooLarge, match="at most 8,388,608 bytes of CSV and JSON lines, decompressed"):
        read(bomb, wanted=WANTED, most=2**23)


def test_a_file_cut_off_is_refused():
    content = gzip.compress(csv_text([GOOD_ROW | {"voucher_amount": n * n} for n in range(90_000)]).encode())

    with pytest.raises(UnreadableText, match="damaged or cut off"):
        read(content[:-100])


# Two readers


CELLS = st.text(st.sampled_from("ab ,;\"'\n\r\\é"), max_size=5)


@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=6),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["well", "somehow"]),
)
@settings(max_examples=250, deadline=None)
def test_the_fast_reader_reads_as_the_exact_one_or_leaves_the_file_to_it(rows: list[list[str]], end: str, written: str):
    """Of well-written files and of any text: it never reads a file that the exact one refuses or reads otherwise."""
    text = io.StringIO(newline="")
    text.write(f"country_code,total_orders,voucher_amount{end}")
    if written == "well":
        csv.writer(text, lineterminator=end).writerows(rows)
    else:
        text.write(end.join(",".join(row) for row in rows))
    content = text.getvalue()
    look = seen(content, wanted=WANTED)
    try:
        fast = [row for batch in read_regular([content], look, WANTED) for row in batch.to_pylist()]
    except Irregular:
        return
    exact = [row for batch in read_row_by_row([content], DAY, look, WANTED) for row in batch.to_pylist()]
    # The exact one also leaves out blanks before a cell, which do not count.
    assert [_trimmed(row) for row in fast] == [_trimmed(row) for row in exact]


def _trimmed(row: dict[str, str | None]) -> dict[str, str | None]:
    return {name: (value or "").strip(" ") or None for name, value in row.items()}


def test_blocks_may_end_anywhere(monkeypatch: pytest.MonkeyPatch):
    """Also within characters, line ends, quotes and the header."""
    chosen = random.Random(3)
    expected = read(csv_text(ROWS * 20, lineterminator="\r\n"), wanted=WANTED)[0]
    for _ in range(30):
        monkeypatch.setattr(streams, "BLOCK_BYTES", chosen.randrange(1, 40))
        assert read(csv_text(ROWS * 20, lineterminator="\r\n"), wanted=WANTED)[0] == expected
        assert read(json_lines(ROWS * 20), wanted=WANTED)[0] == [json.loads(json.dumps(row)) for row in READ * 20]
