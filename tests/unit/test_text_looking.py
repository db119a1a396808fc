"""What is recognised of a text file by its beginning: the format, the encoding, the dialect, the columns."""

import codecs
import gzip
import io
import random

import pytest

from tests.histories import GOOD_ROW, history, parquet_bytes
from tests.text_files import COMPRESSED, DAY, csv_text, json_lines, seen
from voucher_selection.adapters.text.beginnings import SAMPLE_BYTES
from voucher_selection.adapters.text.looking import look
from voucher_selection.domain.errors import UnreadableText
from voucher_selection.domain.history import COLUMN_NAMES
from voucher_selection.domain.text_formats import CsvOptions, TextFormat, Texts

ROWS = [GOOD_ROW, GOOD_ROW | {"country_code": "Türkiye"}]


@pytest.mark.parametrize("compression", COMPRESSED)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quotechar", ['"', "'"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_dialect_is_found_out(compression: str, delimiter: str, quotechar: str, end: str):
    text = csv_text(ROWS, delimiter=delimiter, quotechar=quotechar, quoting=1, lineterminator=end)

    found = seen(COMPRESSED[compression](text.encode())).recognised

    assert found == TextFormat(
        format="csv",
        compression=None if compression == "plain" else compression,
        encoding="utf-8",
        delimiter=delimiter,
        quote=quotechar,
        columns=tuple(COLUMN_NAMES),
    )


@pytest.mark.parametrize(
    ("encoding", "mark", "found"),
    [
        ("utf-8", b"", "utf-8"),
        ("utf-8", codecs.BOM_UTF8, "utf-8"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16-le"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16-be"),
        ("utf-16-le", b"", "utf-16-le"),
        ("utf-16-be", b"", "utf-16-be"),
        ("windows-1252", b"", "windows-1252"),
    ],
)
def test_an_encoding_is_found_out(encoding: str, mark: bytes, found: str):
    for text in (csv_text(ROWS), json_lines(ROWS).replace("\\u00fc", "ü")):
        look_ = seen(mark + text.encode(encoding))
        assert (look_.recognised.encoding, look_.columns) == (found, tuple(COLUMN_NAMES))


def test_a_single_quote_around_one_cell_is_enough_and_an_apostrophe_is_none():
    assert seen(csv_text(ROWS).replace("Peru", "'Peru, Lima'")).recognised.quote == "'"
    assert seen(csv_text(ROWS).replace("Peru", "'s-Hertogenbosch")).recognised.quote == '"'
    assert seen(csv_text(ROWS, quoting=1).replace("Peru", "',Peru,'")).recognised.quote == '"'


def test_the_header_decides_the_delimiter():
    """Other characters are as frequent in the rows."""
    text = csv_text([row | {"note": ",,,,,,,|||||\t\t\t"} for row in ROWS], delimiter=";")

    assert seen(text).recognised.delimiter == ";"


def test_what_a_run_says_is_not_found_out():
    text = csv_text(ROWS, delimiter="^", quoting=3)
    options = CsvOptions(delimiter="^", quote="", encoding="iso-8859-15")

    found = seen(text.encode("iso-8859-15"), options).recognised

    assert (found.delimiter, found.quote, found.encoding) == ("^", None, "iso-8859-15")
    assert found.columns == tuple(COLUMN_NAMES)


def test_excel_s_own_first_line_and_empty_lines_are_before_the_header():
    found = seen("\n\nsep=^\n" + csv_text(ROWS, delimiter="^"))

    assert (found.recognised.delimiter, found.columns, found.lines) == ("^", tuple(COLUMN_NAMES), 4)


def test_names_of_columns_match_trimmed_and_in_any_case():
    names = ["Timestamp ", " COUNTRY_CODE", "Last_Order_TS", "first_order_ts", "total_orders", "voucher_amount", "Note"]
    rows = [dict(zip(names, [*GOOD_ROW.values(), "x"], strict=True))]

    for text in (csv_text(rows), csv_text(rows, quoting=1), json_lines(rows)):
        assert seen(text).columns == (*COLUMN_NAMES, "Note")
        assert seen(text).recognised.columns == tuple(name.strip() for name in names)


@pytest.mark.parametrize("first", ["ORCID", "PARENT", "BZhang", "Rar!", "%PDF", "Object", "SQLite format 3"])
def test_a_header_may_begin_as_other_formats_do(first: str):
    assert seen(csv_text([{first: "x"} | GOOD_ROW])).columns == (first, *COLUMN_NAMES)


def test_parquet_is_no_text_whatever_its_name():
    assert look(io.BytesIO(parquet_bytes(history({}))), DAY, COLUMN_NAMES) is None


OTHERS = {
    "zip": (b"PK\x03\x04" + b"x" * 99, "a zip archive or an Excel workbook: .* save the sheet as CSV"),
    "pdf": (b"%PDF-1.7\n", "a PDF"),
    "avro": (b"Obj\x01\x04", "an Avro file"),
    "orc": (b"ORC\x11\x00", "an ORC file"),
    "bzip2": (b"BZh91AY", "compressed with bzip2"),
    "html": (b"<!DOCTYPE html><html>", "HTML or XML"),
    "array": (b'[{"timestamp": 1}]', r"a JSON array, .* `jq -c '.\[\]'`"),
    "bytes": (random.Random(1).randbytes(5000), "neither parquet nor text"),
    "nothing but a separator": (b"sep=;\n\n", "only empty lines"),
    "nothing but lines": (b"\n\r\n \n", "only empty lines"),
    "utf-32": (csv_text(ROWS).encode("utf-32"), "UTF-32"),
    "parquet in gzip": (gzip.compress(parquet_bytes(history({}))), "a parquet file that was compressed with gzip"),
    "gzip in gzip": (gzip.compress(gzip.compress(b"x")), "compressed twice"),
    "gzip, cut off": (gzip.compress(csv_text(ROWS).encode())[:40], "damaged or cut off"),
    "one object over lines": (b'{\n  "timestamp": 1\n}\n', "line 1 is not a JSON object"),
    "a list on a line": (b'{"timestamp": 1}\n[2]\n', "line 2 is not a JSON object: got '.2.'"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_file_of_another_format_is_named_with_what_to_do(other: str):
    content, message = OTHERS[other]

    with pytest.raises(UnreadableText, match=f"^{DAY},? .*{message}"):
        seen(content)


def test_a_bomb_is_looked_at_no_further_than_any_file():
    bomb = gzip.compress(csv_text(ROWS).encode() + b"\n" * 2**24)

    assert len(bomb) < SAMPLE_BYTES
    assert seen(bomb).columns == tuple(COLUMN_NAMES)


# Hints

DATED = [
    ({"last_order_ts": "15/09/2018"}, "last_order_ts", ['{"date_format":"%d/%m/%Y"}']),
    ({"last_order_ts": "09/15/2018 18:00"}, "last_order_ts", ['{"date_format":"%m/%d/%Y"}']),
    (
        {"last_order_ts": "05/09/2018"},
        "last_order_ts",
        ['{"date_format":"%d/%m/%Y"}', '{"date_format":"%m/%d/%Y"}'],
    ),
    ({"timestamp": "5.9.18"}, "timestamp", ['{"date_format":"%d.%m.%y"}', '{"date_format":"%m.%d.%y"}']),
    ({"first_order_ts": "2018/09/15"}, "first_order_ts", ['{"date_format":"%Y/%m/%d"}']),
    ({"first_order_ts": "15-Sep-2018"}, "first_order_ts", ['{"date_format":"%d-%b-%Y"}']),
    ({"voucher_amount": "9,95"}, "voucher_amount", ['{"decimal":","}']),
    ({"voucher_amount": "1.234,50"}, "voucher_amount", ['{"decimal":",","thousands":"."}']),
    ({"voucher_amount": "1,234.50"}, "voucher_amount", ['{"thousands":","}']),
    ({"voucher_amount": "1,234"}, "voucher_amount", ['{"decimal":","}', '{"thousands":","}']),
    ({"voucher_amount": "1\u00a0234,5"}, "voucher_amount", ['{"decimal":",","thousands":" "}']),
    ({"total_orders": "1'234"}, "total_orders", ['{"thousands":"\'"}']),
]


@pytest.mark.parametrize(("values", "column", "said"), DATED)
def test_values_that_would_be_malformed_are_hinted_at(values: dict[str, str], column: str, said: list[str]):
    (hint,) = seen(csv_text([*[GOOD_ROW] * 3, *[GOOD_ROW | values] * 2, GOOD_ROW], delimiter=";")).hints

    assert (hint.file, hint.column, hint.example, hint.values) == (DAY, column, values[column], 2)
    assert [str(options) for options in hint.options] == said
    assert str(hint) == (
        f"2 of the first 6 values of {column} look like {values[column]}: say "
        + " or ".join(f'"csv": {each}' for each in said)
        + " in the run's input"
    )


def test_usual_values_and_what_nothing_could_read_are_no_hint():
    rows = [GOOD_ROW | {"last_order_ts": text} for text in ("NULL", "", "soon", "2018-09-15 18:00:00+02:00")]
    rows += [GOOD_ROW | {"voucher_amount": text} for text in ("n/a", " 9.95 ", "€ 9", "1e3")]

    assert seen(csv_text(rows, delimiter=";")).hints == ()


def test_a_run_that_says_how_values_are_written_gets_no_hint():
    text = csv_text([GOOD_ROW | {"last_order_ts": "15/09/2018", "voucher_amount": "9,95"}] * 2, delimiter=";")

    assert seen(text, CsvOptions(decimal=",", date_format="%d/%m/%Y")).hints == ()


# What a plan keeps


def test_a_plan_groups_files_of_one_format_and_hints_that_say_the_same():
    text = csv_text([GOOD_ROW | {"last_order_ts": "15/09/2018"}] * 2)
    found = seen(text)
    other = seen(json_lines(ROWS))

    texts = Texts.of([("a", found.recognised), ("b", other.recognised), ("c", found.recognised)], found.hints * 3)

    assert [(each.first, each.files) for each in texts.formats] == [("a", 2), ("b", 1)]
    assert texts.hints == found.hints
    assert Texts.model_validate_json(texts.model_dump_json()) == texts


def test_a_format_is_said_in_words():
    assert str(seen(csv_text(ROWS, delimiter=";").encode("utf-16")).recognised) == (
        'CSV with semicolons, quotes ", utf-16-le'
    )
    assert str(seen(gzip.compress(json_lines(ROWS).encode())).recognised) == "JSON lines, UTF-8, gzip"


@pytest.mark.parametrize(
    "wrong",
    [
        {"delimeter": ";"},
        {"delimiter": ";;"},
        {"delimiter": "a"},
        {"quote": "`"},
        {"encoding": "utf-7"},
        {"decimal": ";"},
        {"decimal": ",", "thousands": ","},
        {"thousands": "."},
        {"date_format": "%d/%m"},
        {"date_format": "%d/%m/%Y/%y"},
        {"date_format": "%d/%m/%Y %Q"},
        {"date_format": "dd/mm/yyyy"},
    ],
)
def test_options_that_cannot_be_used_are_refused(wrong: dict[str, str]):
    with pytest.raises(ValueError, match="expected|Extra inputs|Input should be"):
        CsvOptions.model_validate(wrong)
