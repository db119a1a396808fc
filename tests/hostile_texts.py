"""Files that are named like text and are something else, or are text with something wrong in it."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from typing import NamedTuple

from tests.histories import parquet_bytes
from tests.text_dialects import COMPRESSIONS, Dialect, as_table, rows
from voucher_selection.domain.errors import EmptySource, NotParquet, UnreadableText, VoucherSelectionError, WrongSchema

HEADER = "timestamp,country_code,last_order_ts,first_order_ts,total_orders,voucher_amount"
LINE = "2018-07-21 18:59:21,Peru,2018-05-03,2017-05-03,3.0,2640.0"
OBJECT = dict(zip(HEADER.split(","), LINE.split(","), strict=True))
_PAGE = b"""<!DOCTYPE html>
<html lang="en"><head><title>Sign in; please</title></head>
<body>
<h1>403, Forbidden</h1>
<p>Your session has expired; sign in, and download the file again.</p>
</body></html>
"""


def csv(*lines: str, header: str = HEADER, line_end: str = "\n") -> bytes:
    """Return a file of a header and lines."""
    return "".join(f"{line}{line_end}" for line in (header, *lines)).encode()


def json_lines(*objects: object) -> bytes:
    """Return a file of a line for each object; a text is a line as it is."""
    return "".join(f"{it if isinstance(it, str) else json.dumps(it)}\n" for it in objects).encode()


def _zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("rows.csv", csv(LINE))
    return content.getvalue()


def bomb() -> bytes:
    """Return 64 KiB that are 32 MiB of the same line."""
    member = gzip.compress(f"{LINE}\n".encode() * (2**20 // (len(LINE) + 1)), 9)
    return gzip.compress(csv()) + member * 32


PARQUET = parquet_bytes(as_table(rows()))
CSV = Dialect().written()


def _flipped(content: bytes) -> bytes:
    """Return content with a bit changed in its middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 16]) + content[middle + 1 :]


class Refusal(NamedTuple):
    """A file, the error that a run over it must end with, and a pattern of what the error says."""

    content: Callable[[], bytes]
    error: type[VoucherSelectionError]
    message: str


_LINES_ONLY = "has only empty lines: expected a header"
_MISSING = "column 'timestamp' is missing"
_MARKUP = "is a page or document of HTML or XML: write it as"
_ARRAY = "is a JSON array, or an object over several lines: expected JSON lines"
_BYTES = "is neither parquet nor text"
_CUT = "is damaged or cut off, and cannot be decompressed"
_NO_END = r"the row that begins in line {} cannot be read \(unexpected end of data\)"

# Not of a format that is read, or damaged: no run may count anything of them.
REFUSED: dict[str, Refusal] = {
    name: Refusal(*refusal)
    for name, refusal in {
        "no bytes": (bytes, EmptySource, "is empty: 0 bytes"),
        "no bytes, compressed": (lambda: gzip.compress(b""), UnreadableText, _LINES_ONLY),
        "blank lines only": (lambda: b"\n\r\n  \n\n", UnreadableText, _LINES_ONLY),
        "a mark only": (lambda: b"\xef\xbb\xbf", UnreadableText, _LINES_ONLY),
        "delimiters only": (lambda: b",,,,,\n,,,,,\n,,,,,\n", WrongSchema, _MISSING),
        "a header only": (csv, EmptySource, "holds no rows"),
        "no header": (lambda: csv(LINE, header=LINE), WrongSchema, _MISSING),
        "a column missing": (lambda: csv("2018", header="timestamp"), WrongSchema, "column 'country_code' is missing"),
        "a column twice": (
            lambda: csv(f"{LINE},5", header=f"{HEADER},Total_Orders"),
            WrongSchema,
            "column 'total_orders' occurs 2 times",
        ),
        "one column": (lambda: csv("Peru", "Peru", header="country_code"), WrongSchema, _MISSING),
        "prose": (lambda: b"Dear all,\nplease find the file attached.\nRegards\n" * 20, WrongSchema, _MISSING),
        "a page of an error": (lambda: _PAGE, UnreadableText, _MARKUP),
        "a page of an error, compressed": (lambda: gzip.compress(_PAGE), UnreadableText, _MARKUP),
        "XML of an error": (
            lambda: b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
            UnreadableText,
            _MARKUP,
        ),
        "JSON of an error": (lambda: b'{"error": {"code": 403, "message": "Forbidden"}}', WrongSchema, _MISSING),
        "a JSON array": (lambda: json.dumps([OBJECT, OBJECT]).encode(), UnreadableText, _ARRAY),
        "a JSON array on lines": (lambda: json.dumps([OBJECT, OBJECT], indent=1).encode(), UnreadableText, _ARRAY),
        "one JSON object on lines": (
            lambda: json.dumps(OBJECT, indent=1).encode(),
            UnreadableText,
            "line 1 is not (a|one) JSON object: expected one object on each line",
        ),
        "JSON of arrays": (lambda: json_lines(list(OBJECT), list(OBJECT.values())), UnreadableText, _ARRAY),
        "JSON, cut": (lambda: json_lines(OBJECT, OBJECT)[:-20], UnreadableText, "line 2 is not (a|one) JSON object"),
        "JSON, no object between": (
            lambda: json_lines(OBJECT, "5", OBJECT),
            UnreadableText,
            "line 2 is not .*: got '5'",
        ),
        "JSON, nested values": (
            lambda: json_lines(OBJECT | {"total_orders": {"value": 3}}),
            UnreadableText,
            "line 1 has an object or an array as 'total_orders'",
        ),
        "JSON, a list": (
            lambda: json_lines(OBJECT, OBJECT | {"country_code": ["Peru"]}),
            UnreadableText,
            "line 2 has an object or an array as 'country_code'",
        ),
        "JSON, a key twice": (
            lambda: json_lines(OBJECT, json.dumps(OBJECT)[:-1] + ', "total_orders": 5}'),
            UnreadableText,
            "line 2 is not (a|one) JSON object: the key 'total_orders' occurs twice",
        ),
        "JSON, a key twice in other letters": (
            lambda: json_lines(OBJECT | {" Total_Orders": 5}),
            WrongSchema,
            "column 'total_orders' occurs 2 times",
        ),
        "JSON, a trailing comma": (
            lambda: json_lines(OBJECT, json.dumps(OBJECT)[:-1] + ",}"),
            UnreadableText,
            "line 2 is not (a|one) JSON object",
        ),
        "JSON, single quotes": (lambda: json_lines(repr(OBJECT)), UnreadableText, "line 1 is not (a|one) JSON object"),
        "a zip archive": (_zip, UnreadableText, "is a zip archive or an Excel workbook: .*; unpack it, or save"),
        "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, UnreadableText, _BYTES),
        "random bytes": (
            lambda: bytes((number * 7919 + number // 251) % 256 for number in range(20_000)),
            UnreadableText,
            _BYTES,
        ),
        "zeros": (lambda: bytes(5_000), UnreadableText, _BYTES),
        "a zero in a cell": (lambda: csv(LINE.replace("Peru", "Pe\0ru")), UnreadableText, _BYTES),
        "gzip, cut": (lambda: gzip.compress(CSV)[:-200], UnreadableText, _CUT),
        "gzip, cut in its sum": (lambda: gzip.compress(CSV * 50, 1)[:-5], UnreadableText, _CUT),
        "gzip, damaged": (lambda: _flipped(gzip.compress(CSV)), UnreadableText, _CUT),
        "gzip, wrong sum": (
            lambda: gzip.compress(CSV)[:-8] + b"\0\0\0\0" + gzip.compress(CSV)[-4:],
            UnreadableText,
            _CUT,
        ),
        "gzip, a second member cut": (
            lambda: gzip.compress(CSV) + gzip.compress(CSV)[:-100],
            UnreadableText,
            _CUT,
        ),
        "gzip, something after it": (lambda: gzip.compress(CSV) + b"something else", UnreadableText, _CUT),
        "zstd, cut": (lambda: COMPRESSIONS["zstd"](CSV)[:-50], UnreadableText, _CUT),
        "compressed twice": (lambda: gzip.compress(gzip.compress(CSV)), UnreadableText, "is compressed twice"),
        "parquet, compressed": (
            lambda: gzip.compress(PARQUET),
            UnreadableText,
            "is a parquet file that was compressed",
        ),
        "parquet, cut": (lambda: PARQUET[:-10], NotParquet, "cannot be read as parquet"),
        "UTF-16, cut in a sign": (
            lambda: Dialect(encoding="UTF-16 LE").written()[:-1],
            UnreadableText,
            "is not encoded in utf-16-le",
        ),
        "UTF-8 and Latin-1": (
            lambda: csv(LINE.replace("Peru", "Perú")) + LINE.replace("Peru", "Perú").encode("latin-1"),
            UnreadableText,
            "is not encoded in",
        ),
        "a quote that never ends": (
            lambda: csv(LINE, f'"{LINE}', *[LINE] * 20),
            UnreadableText,
            _NO_END.format(3),
        ),
        "a quote that never ends, at the end": (
            lambda: csv(*[LINE] * 20, f'{LINE[:-6]}"2640.0'),
            UnreadableText,
            _NO_END.format(22),
        ),
        "a cell too many": (
            lambda: csv(LINE, f"{LINE},5", LINE),
            UnreadableText,
            "line 3 has 7 cells, the header 6: expected the same number in every row",
        ),
        "a cell too few": (
            lambda: csv(LINE, LINE.rpartition(",")[0], LINE),
            UnreadableText,
            "line 3 has 5 cells, the header 6: expected the same number in every row",
        ),
        "a comma too many in a number": (
            lambda: csv(LINE, LINE.replace("2640.0", "2,640.0"), LINE),
            UnreadableText,
            "line 3 has 7 cells, the header 6",
        ),
        "a short total": (lambda: csv(LINE, "Total,2640.0"), UnreadableText, "line 3 has 2 cells, the header 6"),
        "a remark before the header": (lambda: b"Export of 2018-09-15\n\n" + csv(LINE), WrongSchema, _MISSING),
        "single quotes among double ones": (
            lambda: csv(LINE.replace("Peru", '"Peru"'), LINE.replace("Peru", "'Peru'")),
            UnreadableText,
            "has cells in ' quotes, which its beginning has not",
        ),
    }.items()
}
