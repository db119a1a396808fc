"""Read the rows of a CSV: regular ones with Arrow's reader, all others row by row.

Arrow's reader is five times as fast, but does not say where a row is, reads cells of any quoting somehow, and refuses
empty cells at the end of some rows. So it reads only files whose quotes all begin or end a cell, and whose rows have
one width. The reader of Python's standard library reads the others, or names the line that cannot be read.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, override

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from voucher_selection.adapters.text.looking import Look
from voucher_selection.adapters.text.streams import BLOCK_BYTES, lines_of
from voucher_selection.domain.errors import UnreadableText

_ROWS = 20_000  # that are lists of Python at a time
_LINE_ENDS = b"\r\n"


class Irregular(Exception):
    """Arrow's reader cannot read the file, or might read it wrongly."""


def read_regular(texts: Iterable[str], seen: Look, wanted: Collection[str]) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns of a CSV as text, an empty cell as null.

    Parameters
    ----------
    texts
        The text of the file.

    Raises
    ------
    Irregular
        Rows have different widths, or quotes are in the middle of cells or are not closed, or the first value begins
        with a byte order mark. Rows may have been yielded.
    """
    names = [*seen.columns, *(f"{_BEYOND}{place}" for place in range(seen.width - len(seen.columns)))]
    # Names may occur twice among the columns that nobody wants.
    unique = [name if name in wanted or name.startswith(_BEYOND) else str(place) for place, name in enumerate(names)]
    included = [name for name in unique if name in wanted or name.startswith(_BEYOND)]
    feed = _Feed(_checked(_rows_of(texts, seen), seen))
    try:
        reader = arrow_csv.open_csv(
            pa.PythonFile(feed, mode="r"),
            arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=unique),
            arrow_csv.ParseOptions(
                delimiter=seen.recognised.delimiter,
                quote_char=seen.recognised.quote or False,
                newlines_in_values=seen.recognised.quote is not None,
            ),
            arrow_csv.ConvertOptions(
                include_columns=included,
                column_types=dict.fromkeys(included, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
        for batch in reader:
            yield _without_beyond(batch)
    except (pa.ArrowException, OSError) as error:
        raise feed.error or Irregular from error


_BEYOND = "\0beyond"  # cells after the last column, which must be empty


def _without_beyond(batch: pa.RecordBatch) -> pa.RecordBatch:
    names = [name for name in batch.schema.names if not name.startswith(_BEYOND)]
    if len(names) < batch.num_columns:
        beyond = (batch[name] for name in batch.schema.names if name not in names)
        if any(pc.any(pc.not_equal(pc.utf8_trim_whitespace(cells), "")).as_py() for cells in beyond):
            raise Irregular
    return batch.select(names)


def _rows_of(texts: Iterable[str], seen: Look) -> Iterator[bytes]:
    """Yield the text after the header, in UTF-8."""
    before = seen.characters
    begins = True
    for text in texts:
        if len(text) > before:
            if begins and text.startswith("\ufeff", before):
                raise Irregular  # Arrow would leave out a byte order mark, here as part of a value
            begins = False
            yield text[before:].encode()
        before = max(before - len(text), 0)


def _checked(blocks: Iterable[bytes], seen: Look) -> Iterator[bytes]:
    """Yield blocks, and raise `Irregular` at a quote that neither begins nor ends a cell, or that is not closed."""
    if seen.recognised.quote is None:
        yield from blocks
        return
    quote = ord(seen.recognised.quote)
    beside = np.zeros(256, bool)
    beside[[quote, ord(str(seen.recognised.delimiter)), *_LINE_ENDS]] = True
    quotes, before = 0, b"\n"
    for block in _with_end(blocks):
        content = np.frombuffer(before + block, np.uint8)
        found = np.flatnonzero(content[1:-1] == quote) + 1  # the first was checked, the last has no neighbour yet
        if len(found):
            begins = found[quotes % 2 :: 2]
            ends = found[1 - quotes % 2 :: 2]
            if not (beside[content[begins - 1]].all() and beside[content[ends + 1]].all()):
                raise Irregular
            quotes += len(found)
        before = content[-2:].tobytes()
        yield block
    if quotes % 2:
        raise Irregular


def _with_end(blocks: Iterable[bytes]) -> Iterator[bytes]:
    yield from blocks
    yield b"\n"


class _Feed(io.RawIOBase):
    """Blocks of bytes as a file that Arrow reads, and the error of making them, if there was one."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        super().__init__()
        self._blocks = blocks
        self._rest = b""
        self.error: BaseException | None = None

    @override
    def readable(self) -> bool:
        return True

    @override
    def read(self, size: int = -1) -> bytes:
        pieces = [self._rest]
        length = len(self._rest)
        while length < size or size < 0:
            try:
                block = next(self._blocks, None)
            except BaseException as error:
                self.error = error
                raise OSError from error
            if block is None:
                break
            pieces.append(block)
            length += len(block)
        content = b"".join(pieces)
        end = len(content) if size < 0 else size
        self._rest = content[end:]
        return content[:end]


def read_row_by_row(texts: Iterable[str], source: str, seen: Look, wanted: Collection[str]) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns of any CSV as `read_regular` does.

    Empty lines are no rows, and empty cells after the last column do not count.

    Raises
    ------
    UnreadableText
        A row has another number of cells than the header, or a quote is not closed; the message names the line.
    """
    places = {name: place for place, name in enumerate(seen.columns) if name in wanted}
    rows: list[list[str]] = []
    for row in _rows(texts, source, seen):
        rows.append(row)
        if len(rows) == _ROWS:
            yield _batch(rows, places)
            rows = []
    if rows:
        yield _batch(rows, places)


def _batch(rows: Sequence[Sequence[str]], places: dict[str, int]) -> pa.RecordBatch:
    return pa.record_batch(
        {name: pa.array([row[at] or None for row in rows], pa.string()) for name, at in places.items()}
    )


def _rows(texts: Iterable[str], source: str, seen: Look) -> Iterator[list[str]]:
    lines = lines_of(texts, source)
    for _ in range(seen.lines):
        next(lines, None)
    reader = _strict_reader(lines, seen)
    width, last = len(seen.columns), seen.lines
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise UnreadableText(_of_quotes(source, last + 1, error, seen)) from error
        if row is None:
            return
        last = seen.lines + reader.line_num
        if len(row) == width or (len(row) > width and not any(map(str.strip, row[width:]))):
            yield row
        elif any(map(str.strip, row)):
            raise UnreadableText(
                f"{source}, line {last} has {len(row)} cells, the header {width}: expected the same number in every"
                f" row. A {seen.recognised.delimiter!r} within a cell needs quotes around the cell; the row begins"
                f" with {str(row[0])[:80]!r}"
            )
        elif len(row) > 1:
            raise UnreadableText(
                f"{source}, line {last} has {len(row)} empty cells, the header {width}: expected the same number in"
                " every row"
            )


def _strict_reader(lines: Iterator[str], seen: Look) -> Any:  # noqa: ANN401 - the type has no public name
    delimiter, quote = str(seen.recognised.delimiter), seen.recognised.quote
    if quote is None:
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=delimiter, quotechar=quote, strict=True, skipinitialspace=True)


def _of_quotes(source: str, line: int, error: csv.Error, seen: Look) -> str:
    return (
        f"{source}, the row that begins in line {line} cannot be read ({error}): expected each cell with a"
        f" {seen.recognised.quote} to end with one, and a {seen.recognised.quote} within it to be written twice. Name"
        ' another `quote` in `csv` of the run\'s input, or "" if cells have none'
    )
