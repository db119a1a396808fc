"""The dialect of a CSV: its delimiter and quotes, found by its header; and the first rows that they give."""

import csv
import re
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from voucher_selection.domain.text_formats import QUOTES, CsvOptions

MOST_ROWS = 10_000
"""How many rows are looked at."""
_DELIMITERS = (",", ";", "\t", "|")


class Dialect(NamedTuple):
    """A delimiter and a quote, with the header as they give it, and how many lines it takes."""

    delimiter: str
    quote: str
    header: list[str]
    lines: int


def dialect_of(lines: Sequence[str], wanted: Collection[str], options: CsvOptions) -> Dialect:
    """Return the dialect whose header has the most of the wanted names."""
    sought = {name.casefold() for name in wanted}
    delimiters = (options.delimiter,) if options.delimiter else _DELIMITERS
    quotes = QUOTES if options.quote is None else (options.quote,)
    found = [_header(lines, delimiter, quote) for quote in quotes for delimiter in delimiters]
    best = max(
        found,
        key=lambda dialect: (len({name.strip().casefold() for name in dialect.header} & sought), len(dialect.header)),
    )
    if options.quote is None and _has_single_quotes(lines[best.lines :], best.delimiter):
        return best._replace(quote="'")
    return best


def _reader(lines: Sequence[str], delimiter: str, quote: str) -> Any:  # noqa: ANN401 - the type has no public name
    if not quote:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, skipinitialspace=True)


def _header(lines: Sequence[str], delimiter: str, quote: str) -> Dialect:
    reader = _reader(lines, delimiter, quote)
    try:
        header: list[str] = next(reader, [])
    except csv.Error:  # a cell of more characters than any name has
        return Dialect(delimiter, quote, [], 1)
    return Dialect(delimiter, quote, header, reader.line_num)


def _has_single_quotes(lines: Sequence[str], delimiter: str) -> bool:
    """Return whether cells are in single quotes, and none is in double ones."""
    end = re.escape(delimiter)
    single, double = (re.compile(rf"(?:^|{end})\s*{quote}[^{quote}\r\n]*{quote}\s*(?:{end}|$)") for quote in "'\"")
    quoted = [line.rstrip("\r\n") for line in lines if "'" in line]
    return any(single.search(line) for line in quoted) and not any(double.search(line) for line in lines)


def rows_of(lines: Sequence[str], dialect: Dialect) -> list[list[str]]:
    """Return the rows of the sample."""
    rows: list[list[str]] = []
    with suppress(csv.Error):  # reading will name the line
        rows.extend(filter(None, islice(_reader(lines, dialect.delimiter, dialect.quote), MOST_ROWS)))
    return rows


def without_empty_end(names: Sequence[str]) -> list[str]:
    """Return the names of a header without empty ones at its end."""
    kept = list(names)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def width_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how many cells most rows have, if the header does not speak against it: cells at the end may be empty."""
    if not rows:
        return len(header)
    ((width, _),) = Counter(map(len, rows)).most_common(1)
    return width if width >= len(without_empty_end(header)) else len(header)
