"""Text files for tests: rows written as CSV or JSON lines, in the ways that programs write them."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from voucher_selection.adapters.text.looking import Look, look
from voucher_selection.adapters.text.reading import TextFile, read_text
from voucher_selection.adapters.text.streams import Budget
from voucher_selection.domain.history import COLUMN_NAMES
from voucher_selection.domain.text_formats import CsvOptions, TextFormat

type Row = Mapping[str, Any]

DAY = "day.csv"


def csv_text(rows: Sequence[Row], **dialect: Any) -> str:
    """Return rows as CSV; null is an empty cell, other values are as Python writes them."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, **{"lineterminator": "\n"} | dialect)
    writer.writerow(rows[0])
    writer.writerows(["" if value is None else value for value in row.values()] for row in rows)
    return text.getvalue()


def json_lines(rows: Iterable[Row]) -> str:
    """Return rows as JSON lines."""
    return "".join(f"{json.dumps(row, default=str)}\n" for row in rows)


def zstd(content: bytes) -> bytes:
    """Compress bytes as one frame of zstd."""
    compressed: bytes = pa.Codec("zstd").compress(content, asbytes=True)
    return compressed


COMPRESSED = {"plain": bytes, "gzip": gzip.compress, "zstd": zstd}


def seen(content: bytes | str, options: CsvOptions | None = None, wanted: Sequence[str] = COLUMN_NAMES) -> Look:
    """Look at a text file."""
    found = look(io.BytesIO(_bytes(content)), DAY, wanted, options)
    assert found is not None
    return found


def read(
    content: bytes | str, options: CsvOptions | None = None, wanted: Sequence[str] = COLUMN_NAMES, most: int = 2**30
) -> tuple[list[dict[str, str | None]], TextFormat]:
    """Look at a text file and read it: its rows, and the format that it turned out to have."""
    file = io.BytesIO(_bytes(content))
    text = TextFile(file, DAY, seen(content, options, wanted), wanted, options or CsvOptions())
    return read_text(text, Budget(most), lambda batches: [row for batch in batches for row in batch.to_pylist()])


def _bytes(content: bytes | str) -> bytes:
    return content.encode() if isinstance(content, str) else content
