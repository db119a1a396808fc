"""Ways to write the same rows as JSON lines; the same ones each time."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from tests.text_dialects import COMPRESSIONS, Row, rows

type Written = Callable[[Row], dict[str, Any]]


def json_files() -> dict[str, bytes]:
    """Return files that have all rows, by what is unusual about them."""
    return dict(_files())


def _files() -> Iterator[tuple[str, bytes]]:
    for name, written in _OBJECTS.items():
        yield name, _lines(written)
    yield "CRLF", _lines(dict, line_end="\r\n")
    yield "no line end", _lines(dict)[:-1]
    yield "blank lines", _lines(dict, line_end="\n\n") + b"\n  \n"
    yield "a mark", b"\xef\xbb\xbf" + _lines(dict)
    yield "escapes", _lines(dict, ensure_ascii=True)
    yield "blanks around", b"".join(b"  " + line + b"\t\n" for line in _lines(dict).splitlines())
    yield "close", _lines(dict, separators=(",", ":"))
    for compression, compressed in COMPRESSIONS.items():
        yield f"compression {compression}", compressed(_lines(_with_more))


def _lines(written: Written, line_end: str = "\n", *, ensure_ascii: bool = False, **options: Any) -> bytes:
    lines = (json.dumps(written(row), ensure_ascii=ensure_ascii, **options) for row in rows())
    return "".join(f"{line}{line_end}" for line in lines).encode()


def _without_nulls(row: Row) -> dict[str, Any]:
    return {name: text for name, text in row.items() if text is not None}


def _with_numbers(row: Row) -> dict[str, Any]:
    """Return a row with numbers where a text is one: 2640.0 as 2640.0, 3 as 3, but not 0003."""
    return dict(row) | {name: _number(row[name]) for name in ("total_orders", "voucher_amount")}


def _number(text: str | None) -> Any:
    try:
        return json.loads(text) if text and text[-1].isdigit() else text
    except ValueError:
        return text


def _with_more(row: Row) -> dict[str, Any]:
    more = {"tags": ["a", {"b": None}], "customer": {"id": 2**70, "name": "x\ny"}, "is_new": True, "": 1.5}
    return {"id": 2**64} | dict(row) | more


_OBJECTS: dict[str, Written] = {
    "usual": dict,
    "nulls left out": _without_nulls,
    "nulls as empty texts": lambda row: {name: text or "" for name, text in row.items()},
    "nulls as words": lambda row: row | {name: row[name] or "NULL" for name in row if name != "country_code"},
    "numbers": _with_numbers,
    "numbers, nulls left out": lambda row: _without_nulls(_with_numbers(row)),
    "other order": lambda row: dict(reversed(row.items())),
    "changing order": lambda row: dict(sorted(row.items(), key=lambda item: str(item[1]))),
    "more keys": _with_more,
    "upper case": lambda row: {name.upper(): text for name, text in row.items()},
}
