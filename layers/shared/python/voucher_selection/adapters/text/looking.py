"""Look at the beginning of a file, and recognise its format by what is there, never by its name alone."""

import io
import json
import re
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import BinaryIO, NamedTuple

import pyarrow as pa

from voucher_selection.adapters.text.beginnings import (
    AS_TEXT,
    SAMPLE_BYTES,
    check_no_other,
    encoding_of,
    text_of,
    uncompressed,
)
from voucher_selection.adapters.text.dialects import (
    MOST_ROWS,
    dialect_of,
    rows_of,
    width_of,
    without_empty_end,
)
from voucher_selection.domain.errors import UnreadableText
from voucher_selection.domain.folder_contents import PARQUET
from voucher_selection.domain.text_formats import CsvOptions, Hint, TextFormat, shown_columns
from voucher_selection.domain.text_hints import hints_of

_MARKUP = re.compile(r"\s*<(\?xml|!doctype|html|[a-z]+[\s>])", re.IGNORECASE)
_SEPARATOR_LINE = re.compile(r"sep=([^\w\s\"'.:-]|\t)[\r\n]*\Z", re.IGNORECASE)  # Excel's own first line


class Look(NamedTuple):
    """What was seen at the beginning of a text file.

    Attributes
    ----------
    recognised
        The format, which a plan and people see.
    hints
        Values that would be malformed, and what the run could say.
    columns
        The names of the columns: those that were looked for in their own spelling, others as in the file.
    width
        How many cells the rows of a CSV have; more than `columns` if the rest of them is empty.
    lines, characters
        How many lines, and characters, of a CSV are before its first row.
    """

    recognised: TextFormat
    hints: tuple[Hint, ...]
    columns: tuple[str, ...]
    width: int = 0
    lines: int = 0
    characters: int = 0

    @property
    def schema(self) -> pa.Schema:
        """The columns as text."""
        return pa.schema([(name, pa.string()) for name in self.columns])


def look(file: BinaryIO, source: str, wanted: Collection[str], options: CsvOptions | None = None) -> Look | None:
    """Look at the beginning of a file, and recognise CSV or JSON lines; None is parquet.

    Parameters
    ----------
    file
        The file, open for bytes; it is left at any position.
    source
        How messages name it.
    wanted
        The names of the columns that the run needs. The header decides which delimiter a CSV has.
    options
        What the run says about its CSV files.

    Raises
    ------
    UnreadableText
        The file is of another format, or is no text.
    """
    options = options or CsvOptions()
    file.seek(0)
    head = file.read(SAMPLE_BYTES)
    if head.startswith(PARQUET):
        return None
    beginning, compression = uncompressed(head, source)
    check_no_other(beginning, source)
    whole = len(head) < SAMPLE_BYTES and len(beginning) < SAMPLE_BYTES
    encoding = encoding_of(beginning, source, whole=whole) if options.encoding is None else options.encoding
    text = text_of(beginning, encoding, source, whole=whole)
    basis = TextFormat(format="csv", compression=compression, encoding=encoding)
    starts_with = text.lstrip()[:1]
    if starts_with == "{":
        return _look_at_json(text, source, wanted, basis, whole=whole)
    if starts_with == "[":
        raise UnreadableText(
            f"{source} is a JSON array, or an object over several lines: expected JSON lines, one object on each line."
            " Write it with `jq -c '.[]'`, or with pandas' `to_json(orient=\"records\", lines=True)`"
        )
    if _MARKUP.match(text):
        raise UnreadableText(f"{source} is a page or document of HTML or XML: {AS_TEXT}")
    lines = list(io.StringIO(text, newline=""))
    if not whole and len(lines) > 1:
        lines.pop()  # the sample ends within it
    return _look_at_csv(lines, source, wanted, options, basis)


def _look_at_json(text: str, source: str, wanted: Collection[str], basis: TextFormat, *, whole: bool) -> Look:
    names: dict[str, None] = {}
    lines = list(islice(io.StringIO(text, newline=""), MOST_ROWS))
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            if not whole and 1 < number == len(lines):
                break  # the sample ends within it
            raise UnreadableText(
                f"{source}, line {number} is not a JSON object: expected one object on each line ({error})"
            ) from error
        if not isinstance(row, dict):
            raise UnreadableText(f"{source}, line {number} is not a JSON object: got {line.strip()[:80]!r}")
        names |= dict.fromkeys(row)
    return Look(
        basis.model_copy(update={"format": "json_lines", "columns": shown_columns(name.strip() for name in names)}),
        (),
        tuple(_spelled(names, wanted)),
    )


def _spelled(names: Collection[str], wanted: Collection[str]) -> Iterator[str]:
    """Yield the names of columns; one that is wanted in its own spelling, whatever the case and blanks around it."""
    by_key = {name.casefold(): name for name in wanted}
    for name in names:
        stripped = name.strip()
        yield by_key.get(stripped.casefold(), stripped)


def _look_at_csv(
    lines: Sequence[str], source: str, wanted: Collection[str], options: CsvOptions, basis: TextFormat
) -> Look:
    before = _first_line(lines, 0)
    if before < len(lines) and (said := _SEPARATOR_LINE.match(lines[before])):
        options = options if options.delimiter else options.model_copy(update={"delimiter": said[1]})
        before = _first_line(lines, before + 1)
    if before == len(lines):
        raise UnreadableText(f"{source} has only empty lines: expected a header with the names of the columns")
    dialect = dialect_of(lines[before:], wanted, options)
    begin = before + dialect.lines
    rows = rows_of(lines[begin:], dialect)
    columns = tuple(_spelled(without_empty_end(dialect.header), wanted))
    recognised = basis.model_copy(
        update={
            "delimiter": dialect.delimiter,
            "quote": dialect.quote or None,
            "columns": shown_columns(name.strip() for name in dialect.header if name.strip()),
        }
    )
    cells = {
        name: [row[place] for row in rows if len(row) > place] for place, name in enumerate(columns) if name in wanted
    }
    return Look(
        recognised,
        tuple(hints_of(source, cells, options)),
        columns,
        width_of(dialect.header, rows),
        begin,
        sum(map(len, lines[:begin])),
    )


def _first_line(lines: Sequence[str], start: int) -> int:
    """Return the number of the first line from `start` on that is not empty; that of the end if all are."""
    return next((number for number in range(start, len(lines)) if lines[number].strip()), len(lines))
