"""Values of CSV files in a form that a run names, such as 15/09/2018 or 1.234,56, written as usual.

Nothing is calculated: digits move to other places, so no value can change. A value in another form than the run names
is marked in its text, which makes it malformed and says why in the quarantine.
"""

import re
from collections.abc import Callable
from functools import partial

import pyarrow as pa
import pyarrow.compute as pc

from voucher_selection.domain.formats import NULL_WORDS
from voucher_selection.domain.rules import TIME_COLUMNS
from voucher_selection.domain.text_formats import DATE_DIRECTIVES, CsvOptions
from voucher_selection.domain.text_hints import NUMBER_COLUMNS

_NULL_TEXTS = pa.array(["", *NULL_WORDS])
_MONTHS = pa.array(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
_BLANKS = "[ \u00a0\u202f]"
# What may follow a format of a date alone: a time as usual, its hour with one digit or two, and an offset.
_TIME = (
    r"(?:[ T](?P<H>[0-9]{1,2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:\.(?P<f>[0-9]{1,6}))?)?"
    r"(?P<z>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_LAST_OF_1900S = "69"  # as in POSIX: 69 is 1969, 68 is 2068


def as_usual(rows: pa.RecordBatch, options: CsvOptions) -> pa.RecordBatch:
    """Write the numbers and dates of rows of text as usual, from the form that the options name.

    Examples
    --------
    >>> rows = pa.record_batch({"voucher_amount": ["1.234,5", "9.95"], "timestamp": ["5/9/2018", None]})
    >>> as_usual(rows, CsvOptions(decimal=",", thousands=".", date_format="%d/%m/%Y")).to_pydict()
    {'voucher_amount': ['1234.5', '9.95 (not like 1.234,5)'], 'timestamp': ['2018-09-05', None]}
    """
    columns = {name: _column(name, rows[name], options) for name in rows.schema.names}
    return pa.record_batch(columns)


def _column(name: str, column: pa.StringArray, options: CsvOptions) -> pa.StringArray:
    if name in TIME_COLUMNS and options.date_format:
        return _once_per_value(column, partial(_dates, date_format=options.date_format))
    if name in NUMBER_COLUMNS and (options.decimal or options.thousands):
        return _once_per_value(column, partial(_numbers, options=options))
    return column


def _once_per_value(column: pa.Array, write: Callable[[pa.StringArray], pa.StringArray]) -> pa.StringArray:
    encoded = column.dictionary_encode()
    return write(encoded.dictionary).take(encoded.indices)


def _numbers(given: pa.StringArray, options: CsvOptions) -> pa.StringArray:
    text = pc.utf8_trim_whitespace(given)
    decimal, thousands = options.decimal or ".", options.thousands
    between = {None: "", " ": _BLANKS}.get(thousands, re.escape(thousands or ""))
    groups = rf"[0-9]{{1,3}}(?:{between}[0-9]{{3}})+|" if thousands else ""
    point = re.escape(decimal)
    pattern = rf"^[+-]?(?:(?:{groups}[0-9]+)(?:{point}[0-9]*)?|{point}[0-9]+)(?:[eE][+-]?[0-9]+)?$"
    written = pc.replace_substring_regex(text, between, "") if thousands else text
    written = pc.replace_substring(written, decimal, ".")
    like = f"1{thousands or ''}234{decimal}5"
    return _marked(given, text, pc.match_substring_regex(text, pattern), written, like)


def _dates(given: pa.StringArray, date_format: str) -> pa.StringArray:
    text = pc.utf8_trim_whitespace(given)
    parts = pc.extract_regex(text, _pattern(date_format))
    fields = {parts.type.field(place).name: pc.struct_field(parts, place) for place in range(parts.type.num_fields)}
    year = fields.get("Y")
    if year is None:
        short = fields["y"]
        year = pc.binary_join_element_wise(pc.if_else(pc.less(short, _LAST_OF_1900S), "20", "19"), short, "")
    written = pc.binary_join_element_wise(year, _month(fields), _two_digits(fields["d"]), "-")
    for name, before in (("H", " "), ("M", ":"), ("S", ":"), ("f", "."), ("z", "")):
        if name in fields:
            part = _two_digits(fields[name]) if name == "H" else fields[name]
            there = pc.not_equal(fields[name], "")  # a part that is left out is empty
            written = pc.binary_join_element_wise(
                written, pc.if_else(there, pc.binary_join_element_wise(before, part, ""), ""), ""
            )
    return _marked(given, text, parts.is_valid(), written, date_format)


def _pattern(date_format: str) -> str:
    """Return the regular expression of a date format, with a group for each directive."""
    parts = re.split("%(.)", date_format)
    pattern = "".join(
        DATE_DIRECTIVES[part] if place % 2 else re.escape(part).replace(r"\ ", " ") for place, part in enumerate(parts)
    )
    return f"^{pattern}{'' if '%H' in date_format else _TIME}$"


def _month(fields: dict[str, pa.StringArray]) -> pa.StringArray:
    if "m" in fields:
        return _two_digits(fields["m"])
    place = pc.add(pc.index_in(pc.utf8_lower(fields["b"]), value_set=_MONTHS), 1)
    return _two_digits(place.cast(pa.string()))


def _two_digits(text: pa.StringArray) -> pa.StringArray:
    return pc.utf8_lpad(text, 2, "0")


def _marked(
    given: pa.StringArray, text: pa.StringArray, matches: pa.BooleanArray, written: pa.StringArray, like: str
) -> pa.StringArray:
    """Return what was written where a text matches; null words as they are, and any other text marked as unlike."""
    is_null = pc.is_in(pc.utf8_lower(text), value_set=_NULL_TEXTS)
    unlike = pc.if_else(is_null, given, pc.binary_join_element_wise(given, f"(not like {like})", " "))
    return pc.if_else(pc.fill_null(matches, False), written, unlike)
