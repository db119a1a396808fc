"""Look at the beginning of a file, and recognise its format by what is there, never by its name alone."""

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

from voucher_selection.adapters.text.streams import naming_damage
from voucher_selection.domain.errors import UnreadableText
from voucher_selection.domain.text_formats import (
    QUOTES,
    Compression,
    CsvOptions,
    Hint,
    TextFormat,
    shown_columns,
)
from voucher_selection.domain.text_hints import hints_of

SAMPLE_BYTES = 256 * 1024
"""How much of a file is looked at."""
_MOST_ROWS = 10_000
_DELIMITERS = (",", ";", "\t", "|")
_PARQUET = b"PAR1"
_COMPRESSIONS: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_AS_TEXT = "write it as CSV, JSON lines or parquet"
# What else people have, by how it begins, and what to do.
_OTHERS = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "unpack it, or save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an Excel workbook of an old form", "save the sheet as CSV UTF-8"),
    (b"%PDF", "a PDF", _AS_TEXT),
    (b"Obj\x01", "an Avro file", _AS_TEXT),
    (b"ORC", "an ORC file", _AS_TEXT),
    (b"ARROW1", "an Arrow or Feather file", _AS_TEXT),
    (b"SQLite format 3", "a database of SQLite", _AS_TEXT),
    (b"BZh", "compressed with bzip2", "compress it with gzip or zstd, or not at all"),
    (b"\xfd7zXZ\x00", "compressed with xz", "compress it with gzip or zstd, or not at all"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "compress it with gzip or zstd, or not at all"),
    (b"\xff\x06\x00\x00sNaPpY", "compressed with snappy", "compress it with gzip or zstd, or not at all"),
    (b"PARE", "an encrypted parquet file", "write it without encryption"),
)
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARKUP = re.compile(r"\s*<(\?xml|!doctype|html|[a-z]+[\s>])", re.IGNORECASE)
_SEPARATOR_LINE = re.compile(r"sep=(.)[\r\n]*\Z", re.IGNORECASE)  # Excel's own first line
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f]")
_MOST_CONTROLS = 0.01  # of all characters of a text


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
    if head.startswith(_PARQUET):
        return None
    beginning, compression = _uncompressed(head, source)
    _check_no_other(beginning, source)
    whole = len(head) < SAMPLE_BYTES and len(beginning) < SAMPLE_BYTES
    encoding = _encoding_of(beginning, source, whole=whole) if options.encoding is None else options.encoding
    text = _text_of(beginning, encoding, source, whole=whole)
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
        raise UnreadableText(f"{source} is a page or document of HTML or XML: {_AS_TEXT}")
    lines = list(io.StringIO(text, newline=""))
    if not whole and len(lines) > 1:
        lines.pop()  # the sample ends within it
    return _look_at_csv(lines, source, wanted, options, basis)


def _uncompressed(head: bytes, source: str) -> tuple[bytes, Compression | None]:
    """Return the beginning of a file without its compression, if it has one."""
    compression = next((kind for magic, kind in _COMPRESSIONS.items() if head.startswith(magic)), None)
    if compression is None:
        return head, None
    stream = pa.CompressedInputStream(pa.BufferReader(head), compression)
    beginning = b""
    while len(beginning) < SAMPLE_BYTES:
        try:
            with naming_damage(source):
                block = stream.read(SAMPLE_BYTES // 16)
        except UnreadableText:
            if len(head) < SAMPLE_BYTES or not beginning:
                raise
            break  # the head ends in the middle of the compressed bytes
        if not block:
            break
        beginning += block
    if beginning.startswith(_PARQUET):
        raise UnreadableText(
            f"{source} is a parquet file that was compressed with {compression} as a whole: decompress it. Parquet"
            " compresses its own pages"
        )
    if any(beginning.startswith(magic) for magic in _COMPRESSIONS):
        raise UnreadableText(f"{source} is compressed twice: decompress it once")
    return beginning, compression


def _check_no_other(beginning: bytes, source: str) -> None:
    for magic, what, advice in _OTHERS:
        if beginning.startswith(magic):
            raise UnreadableText(f"{source} is {what}: expected parquet, CSV or JSON lines; {advice}")
    if beginning[257:262] == b"ustar":
        raise UnreadableText(f"{source} is a tar archive: expected parquet, CSV or JSON lines; unpack it")


def _encoding_of(beginning: bytes, source: str, *, whole: bool) -> str:
    marked = next((encoding for mark, encoding in _MARKS if beginning.startswith(mark)), None)
    if marked in {"utf-32-le", "utf-32-be"}:
        raise UnreadableText(
            f"{source} is encoded in UTF-32: expected UTF-8, UTF-16 or Windows-1252; write it as UTF-8"
        )
    if marked:
        return marked
    even, odd = beginning[::2].count(0), beginning[1::2].count(0)
    most, least = max(even, odd), min(even, odd)
    if most > len(beginning) // 4 and least < most // 8:
        return "utf-16-be" if even > odd else "utf-16-le"
    return next(name for name in ("utf-8", "windows-1252", "iso-8859-1") if _is_of(beginning, name, whole=whole))


def _is_of(beginning: bytes, encoding: str, *, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(beginning, whole)
    except UnicodeDecodeError:
        return False
    return True


def _text_of(beginning: bytes, encoding: str, source: str, *, whole: bool) -> str:
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(beginning, whole).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise UnreadableText(
            f"{source} is not encoded in {encoding} ({error}): name another `encoding` in `csv` of the run's input, or"
            " none"
        ) from error
    controls = len(_CONTROLS.findall(text))
    if "\0" in text or controls > len(text) * _MOST_CONTROLS:
        raise UnreadableText(f"{source} is neither parquet nor text: expected parquet, CSV or JSON lines, got bytes")
    return text


def _look_at_json(text: str, source: str, wanted: Collection[str], basis: TextFormat, *, whole: bool) -> Look:
    names: dict[str, None] = {}
    lines = list(islice(io.StringIO(text, newline=""), _MOST_ROWS))
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


class _Dialect(NamedTuple):
    """A delimiter and a quote, with the header as they give it, and how many lines it takes."""

    delimiter: str
    quote: str
    header: list[str]
    lines: int


def _look_at_csv(
    lines: Sequence[str], source: str, wanted: Collection[str], options: CsvOptions, basis: TextFormat
) -> Look:
    before = next((number for number, line in enumerate(lines) if line.strip()), None)
    if before is None:
        raise UnreadableText(f"{source} has only empty lines: expected a header with the names of the columns")
    if said := _SEPARATOR_LINE.match(lines[before]):
        options = options if options.delimiter else options.model_copy(update={"delimiter": said[1]})
        before += 1
    dialect = _dialect_of(lines[before:], wanted, options)
    begin = before + dialect.lines
    rows = _rows_of(lines[begin:], dialect)
    columns = tuple(_spelled(_without_empty_end(dialect.header), wanted))
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
        _width_of(dialect.header, rows),
        begin,
        sum(map(len, lines[:begin])),
    )


def _dialect_of(lines: Sequence[str], wanted: Collection[str], options: CsvOptions) -> _Dialect:
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


def _header(lines: Sequence[str], delimiter: str, quote: str) -> _Dialect:
    reader = _reader(lines, delimiter, quote)
    try:
        header = next(reader)
    except csv.Error:  # a cell of more characters than any name has
        return _Dialect(delimiter, quote, [], 1)
    return _Dialect(delimiter, quote, header, reader.line_num)


def _has_single_quotes(lines: Sequence[str], delimiter: str) -> bool:
    """Return whether cells are in single quotes, and none is in double ones."""
    end = re.escape(delimiter)
    single, double = (re.compile(rf"(?:^|{end})\s*{quote}[^{quote}\r\n]*{quote}\s*(?:{end}|$)") for quote in "'\"")
    quoted = [line.rstrip("\r\n") for line in lines if "'" in line]
    return any(single.search(line) for line in quoted) and not any(double.search(line) for line in lines)


def _rows_of(lines: Sequence[str], dialect: _Dialect) -> list[list[str]]:
    """Return the rows of the sample."""
    rows: list[list[str]] = []
    with suppress(csv.Error):  # reading will name the line
        rows.extend(filter(None, islice(_reader(lines, dialect.delimiter, dialect.quote), _MOST_ROWS)))
    return rows


def _without_empty_end(names: Sequence[str]) -> list[str]:
    kept = list(names)
    while kept and not kept[-1].strip():
        kept.pop()
    return kept


def _width_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how many cells most rows have, if the header does not speak against it: cells at the end may be empty."""
    if not rows:
        return len(header)
    ((width, _),) = Counter(map(len, rows)).most_common(1)
    return width if width >= len(_without_empty_end(header)) else len(header)
