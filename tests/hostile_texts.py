"""Files that are named like text and are something else, or are text with something wrong in it."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable

from tests.histories import parquet_bytes
from tests.text_dialects import COMPRESSIONS, Dialect, as_table, rows

HEADER = "timestamp,country_code,last_order_ts,first_order_ts,total_orders,voucher_amount"
LINE = "2018-07-21 18:59:21,Peru,2018-05-03,2017-05-03,3.0,2640.0"
OBJECT = dict(zip(HEADER.split(","), LINE.split(","), strict=True))
_GIB = 2**30
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


def _bomb() -> bytes:
    """Return a few MB that are 4 GiB of the same line."""
    member = gzip.compress(f"{LINE}\n".encode() * (16 * 2**20 // (len(LINE) + 1)), 9)
    return gzip.compress(csv()) + member * 256


PARQUET = parquet_bytes(as_table(rows()))
CSV = Dialect().written()

# Not of a format that is read, or damaged: no run may count anything of them.
REFUSED: dict[str, Callable[[], bytes]] = {
    "no bytes": bytes,
    "no bytes, compressed": lambda: gzip.compress(b""),
    "blank lines only": lambda: b"\n\r\n  \n\n",
    "a mark only": lambda: b"\xef\xbb\xbf",
    "delimiters only": lambda: b",,,,,\n,,,,,\n,,,,,\n",
    "a header only": csv,
    "no header": lambda: csv(LINE, header=LINE),
    "a column missing": lambda: csv("2018-07-21,Peru", header="timestamp,country_code"),
    "a column twice": lambda: csv(f"{LINE},5", header=f"{HEADER},Total_Orders"),
    "one column": lambda: csv("Peru", "Peru", header="country_code"),
    "prose": lambda: b"Dear all,\nplease find the file attached.\nRegards\n" * 20,
    "a page of an error": lambda: _PAGE,
    "a page of an error, compressed": lambda: gzip.compress(_PAGE),
    "XML of an error": lambda: b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>',
    "JSON of an error": lambda: b'{"error": {"code": 403, "message": "Forbidden"}}',
    "a JSON array": lambda: json.dumps([OBJECT, OBJECT]).encode(),
    "a JSON array on lines": lambda: json.dumps([OBJECT, OBJECT], indent=1).encode(),
    "one JSON object on lines": lambda: json.dumps(OBJECT, indent=1).encode(),
    "JSON of arrays": lambda: json_lines(list(OBJECT), list(OBJECT.values())),
    "JSON, cut": lambda: json_lines(OBJECT, OBJECT)[:-20],
    "JSON, no object between": lambda: json_lines(OBJECT, "5", OBJECT),
    "JSON, nested values": lambda: json_lines(OBJECT | {"total_orders": {"value": 3}}),
    "JSON, a list": lambda: json_lines(OBJECT, OBJECT | {"country_code": ["Peru"]}),
    "JSON, a trailing comma": lambda: json_lines(OBJECT, json.dumps(OBJECT)[:-1] + ",}"),
    "JSON, single quotes": lambda: json_lines(repr(OBJECT)),
    "a zip archive": _zip,
    "a picture": lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20,
    "random bytes": lambda: bytes((number * 7919 + number // 251) % 256 for number in range(20_000)),
    "zeros": lambda: bytes(5_000),
    "gzip, cut": lambda: gzip.compress(CSV)[:-200],
    "gzip, cut after the first block": lambda: gzip.compress(CSV * 50, 1)[:-9],
    "gzip, damaged": lambda: _flipped(gzip.compress(CSV)),
    "gzip, wrong sum": lambda: gzip.compress(CSV)[:-8] + b"\0\0\0\0" + gzip.compress(CSV)[-4:],
    "gzip, a second member cut": lambda: gzip.compress(CSV) + gzip.compress(CSV)[:-100],
    "gzip, something after it": lambda: gzip.compress(CSV) + b"something else",
    "zstd, cut": lambda: COMPRESSIONS["zstd"](CSV)[:-50],
    "zstd, damaged": lambda: _flipped(COMPRESSIONS["zstd"](CSV)),
    "compressed twice": lambda: gzip.compress(gzip.compress(CSV)),
    "parquet, compressed": lambda: gzip.compress(PARQUET),
    "parquet, cut": lambda: PARQUET[:-10],
    "UTF-16, cut in a sign": lambda: Dialect(encoding="UTF-16 LE").written()[:-1],
    "a quote that never ends": lambda: csv(LINE, f'"{LINE}', *[LINE] * 20),
    "a quote that never ends, at the end": lambda: csv(*[LINE] * 20, f'{LINE[:-6]}"2640.0'),
    "a line with a cell too many": lambda: csv(LINE, f"{LINE},5", LINE),
    "a line with a cell too few": lambda: csv(LINE, LINE.rpartition(",")[0], LINE),
    "a comma too many in a number": lambda: csv(LINE, LINE.replace("2640.0", "2,640.0"), LINE),
}


def _flipped(content: bytes) -> bytes:
    """Return content with a bit changed in its middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 16]) + content[middle + 1 :]
