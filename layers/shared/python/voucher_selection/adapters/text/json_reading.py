"""Read JSON lines: one object on each line. Numbers stay as they are written, so that none loses a digit."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from voucher_selection.adapters.text.looking import Look
from voucher_selection.adapters.text.streams import lines_of
from voucher_selection.domain.errors import UnreadableText

_ROWS = 20_000


class _Repeated(ValueError):
    """An object has a key twice."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Repeated(f"the key {next(name for name in names if names.count(name) > 1)[:80]!r} occurs twice")
    return found


_decode = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once).raw_decode
type _Row = tuple[int, Sequence[Any]]
"""The number of a line, and its values of the columns."""


def read_json_lines(texts: Iterable[str], source: str, seen: Look, wanted: Collection[str]) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns of JSON lines as text: a number as it is written, a missing key or empty text as null.

    Raises
    ------
    UnreadableText
        A line is no JSON object, or has a wanted key twice, or one that no line at the beginning has, or a wanted value
        that is an object or an array; the message names the line.
    """
    reader = _Reader(source, [name for name in seen.columns if name in wanted], wanted)
    rows = reader.rows(lines_of(texts, source))
    while several := list(islice(rows, _ROWS)):
        yield reader.batch(several)


class _Reader:
    """Lines of one file as the values of its columns."""

    def __init__(self, source: str, columns: Sequence[str], wanted: Collection[str]) -> None:
        self._source = source
        self._columns = columns
        self._wanted = {name.casefold(): name for name in wanted}

    def rows(self, lines: Iterable[str]) -> Iterator[_Row]:
        """Yield the values of each line; a missing key is None."""
        # Lines of a file mostly have the same keys: where the columns are among them is found once.
        known: dict[tuple[str, ...], list[str | None]] = {}
        for number, line in enumerate(lines, 1):
            stripped = line.strip()
            if not stripped:
                continue
            row = self._object(stripped, number)
            keys = known.get(names := tuple(row))
            if keys is None:
                keys = known.setdefault(names, self._keys(names, number))
            yield number, [None if key is None else row[key] for key in keys]

    def batch(self, rows: Sequence[_Row]) -> pa.RecordBatch:
        """Return rows as a batch of text."""
        columns = zip(*(values for _, values in rows), strict=True)
        texts = [self._texts(name, values, rows) for name, values in zip(self._columns, columns, strict=True)]
        return pa.record_batch(texts, names=list(self._columns))

    def _object(self, text: str, number: int) -> dict[str, Any]:
        try:
            row, end = _decode(text)
        except (ValueError, RecursionError) as error:
            raise self._refused(number, f"is not a JSON object: {error}") from error
        if not isinstance(row, dict) or end < len(text):
            raise self._refused(number, f"is not one JSON object: got {text[:80]!r}")
        return row

    def _keys(self, names: Sequence[str], number: int) -> list[str | None]:
        """Return the key of each column, None if the object lacks it."""
        found: dict[str, str] = {}
        for name in names:
            column = self._wanted.get(name.strip().casefold())
            if column is None:
                continue
            if column in found:
                raise self._refused(number, f"has the keys {found[column]!r} and {name!r}: expected one of them")
            if column not in self._columns:
                raise self._refused(
                    number, f"has the key {name!r}, which no line at the beginning has: write the key in every line"
                )
            found[column] = name
        return [found.get(column) for column in self._columns]

    def _texts(self, name: str, values: Sequence[Any], rows: Sequence[_Row]) -> pa.StringArray:
        try:
            texts = pa.array(values, pa.string())
        except (pa.ArrowException, UnicodeEncodeError):
            texts = pa.array(
                [self._text(name, value, number) for value, (number, _) in zip(values, rows, strict=True)], pa.string()
            )
        return pc.if_else(pc.equal(texts, ""), None, texts)

    def _text(self, name: str, value: Any, number: int) -> str | None:  # noqa: ANN401 - any JSON
        if isinstance(value, dict | list):
            raise self._refused(number, f"has an object or an array as {name!r}: expected text or a number")
        if isinstance(value, bool):
            return str(value).lower()
        # JSON can escape half of a character, which no text has.
        return None if value is None else str(value).encode(errors="replace").decode()

    def _refused(self, number: int, fault: str) -> UnreadableText:
        return UnreadableText(f"{self._source}, line {number} {fault}")
