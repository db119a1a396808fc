"""Two hundred ways to write the same rows as CSV, with the quirks of real files; the same ones each time.

The writer is our own: that of Python's `csv` writes no file that it could not read.
"""

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cache
from itertools import chain
from random import Random
from typing import Any

import pyarrow as pa

from tests.histories import SCHEMA

NAMES = tuple(SCHEMA.names)
DIALECTS = 200
type Row = dict[str, str | None]

_COUNTRIES = ("Peru", "Peru", "Peru", "Peru", "PERU", "Perú", "Côte d'Ivoire", "Latvia", None)
_OF_PERU_ONLY_IF_QUOTED = ("Peru; Lima", "Peru, Republic of", "Peru\tx", "Peru|x", 'The "Old" Peru', "Peru\nPeru")
_COMMENTS = (
    "",
    "called twice",
    "00042",
    "Jürgen",
    "Total",
    'said "yes", then "no"',
    "a;b,c\td|e",
    "first line\nsecond line\n\nlast; line",
    "windows\r\nline, end",
    "'single' quotes",
    '"',
    '""; ""',
    "it's; fine",
    "=1+1",
)

_ENCODINGS = {
    "UTF-8": (b"", "utf-8"),
    "UTF-8 with a mark": (b"\xef\xbb\xbf", "utf-8"),
    "UTF-16 LE": (b"\xff\xfe", "utf-16-le"),
    "UTF-16 BE": (b"\xfe\xff", "utf-16-be"),
    "Latin-1": (b"", "latin-1"),
    "Windows-1252": (b"", "cp1252"),
}
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": lambda content: gzip.compress(content, 1),
    "zstd": lambda content: pa.compress(content, "zstd", asbytes=True),
    "gzip members": lambda content: b"".join(gzip.compress(half, 1) for half in _halves(content)),
}


def _halves(content: bytes) -> tuple[bytes, bytes]:
    middle = len(content) // 2 + 1
    return content[:middle], content[middle:]


@cache
def rows() -> tuple[Row, ...]:
    """Return rows with texts of all kinds: of several countries, of each rule, and with characters that need quotes."""
    chance = Random(20180915)
    found = [_row(chance, chance.choice(_COUNTRIES)) for _ in range(60)]
    hard = [_row(chance, country) for country in _OF_PERU_ONLY_IF_QUOTED]
    hard += [_row(chance, "Peru") | {"total_orders": text} for text in ("1,5", "3;0", '"3"', "4\n", "5\t")]
    for row in hard:
        found.insert(chance.randrange(3, len(found)), row)
    return tuple(found)


def _row(chance: Random, country: str | None) -> Row:
    day = chance.randrange(1, 29)
    return {
        "timestamp": chance.choice((f"2018-07-{day:02} 18:59:21.102761", f"2018-08-{day:02}T01:02:03+02:00", None)),
        "country_code": country,
        "last_order_ts": chance.choice((f"2018-05-{day:02}", f"2018-06-{day:02} 23:59", None)),
        "first_order_ts": chance.choice((f"2017-05-{day:02}", f"2018-05-{29 - day:02}", None)),
        "total_orders": chance.choice(("1.0", "3", "7.0", "12", "40.0", "0.0", "2.5", "0003", None)),
        "voucher_amount": chance.choice(("2640.0", "2640", "3520.0", "4400.50", "4400.5", "1e3", None)),
    }


def as_table(some: Sequence[Row]) -> pa.Table:
    """Return rows as a history whose columns are all text."""
    return pa.Table.from_pylist(list(some), schema=pa.schema([(name, pa.string()) for name in NAMES]))


@dataclass(frozen=True)
class Dialect:
    """How rows are written. Each field is one quirk, its first value in `_CHOICES` the usual one."""

    delimiter: str = ","
    quoting: str = "where needed"
    quote: str = '"'
    quotes_inside: str = "doubled"
    line_end: str = "\n"
    encoding: str = "UTF-8"
    compression: str = "none"
    header: str = "plain"
    order: str = "usual"
    extra: str = "none"
    null: str = "empty"
    blanks: str = "none"
    trailing: str = "none"
    between: str = "nothing"
    end: str = "line end"
    before: str = "nothing"
    size: str = "usual"

    @property
    def name(self) -> str:
        """What is unusual about it."""
        shown = {"\t": "tab", "\r\n": "CRLF", "\r": "CR", ";": "semicolon", "|": "pipe", "'": "single"}
        unusual = {of.name: getattr(self, of.name) for of in fields(self) if getattr(self, of.name) != of.default}
        return ", ".join(f"{name} {shown.get(it, it)}" for name, it in unusual.items()) or "usual"

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that can be written so, and mean the same."""
        if self.size == "only a header":
            return ()
        writable = tuple(row for row in rows() if self._can_write(row.values()))
        return writable[:1] if self.size == "one row" else writable

    def _can_write(self, values: Any) -> bool:
        texts = [text for text in values if text is not None]
        if self.quoting == "never":
            return not any(sign in text for text in texts for sign in (self.delimiter, '"', "'", "\n", "\r"))
        # In a file with single quotes, a double quote is a sign like any other: no reader can know that.
        return self.quote == '"' or not any('"' in text for text in texts)

    def written(self) -> bytes:
        """Return the file."""
        mark, encoding = _ENCODINGS[self.encoding]
        return COMPRESSIONS[self.compression](mark + self.text().encode(encoding))

    def text(self) -> str:
        """Return the file's text."""
        chance = Random(repr(self))
        columns = self._columns(chance)
        names = [self._name(column, chance) for column in columns]
        lines = [self._line([self._cell(name, is_name=True) for name in names], is_header=True)]
        header = lines[0]
        for number, row in enumerate(self.rows):
            extra = {column: self._comment(chance, number) for column in set(columns) - set(NAMES)}
            cells = [self._cell(self._text(column, row | extra, chance)) for column in columns]
            lines.append(self._line(cells))
        lines = list(self._with_lines_between(lines, header))
        if self.end == "total":
            lines.append(self._line(["Total", *[""] * (len(columns) - 2), "123456.50"]))
        return self._before() + self.line_end.join(lines) + self._at_end()

    def lines_more(self) -> int:
        """Return how many lines are neither the header nor a row nor blank; they have no country of the rows."""
        return (self.end == "total") + len(self._places_between()) * (self.between == "header")

    def _columns(self, chance: Random) -> list[str]:
        columns = list(NAMES)
        if self.order == "other":
            chance.shuffle(columns)
        extra = {"none": [], "same name twice": ["comment", "comment"]}.get(self.extra, ["comment", "voucher id"])
        for name in extra:
            columns.insert(chance.randrange(1, len(columns)), name)
        return columns

    def _name(self, column: str, chance: Random) -> str:
        return {
            "upper case": column.upper(),
            "title case": column.title(),
            "blanks": f" {column}{' ' * chance.randrange(3)}",
        }.get(self.header, column)

    def _comment(self, chance: Random, number: int) -> str:
        if self.extra == "long" and number % 7 == 0:
            return ("long; " if self.quoting != "never" else "long ") * 2_000
        euro = ("5 € “sale”",) if self.encoding not in {"Latin-1"} else ()
        texts = [text for text in (*_COMMENTS, *euro) if self._can_write([text])]
        if self.extra == "plain":
            texts = [text for text in texts if text.replace(" ", "").isalnum()]
        return chance.choice(texts)

    def _text(self, column: str, row: Row, chance: Random) -> str | None:
        """Return a row's text; None: a null, or words for one. A country may be called like these words."""
        if row[column] is not None or column == "country_code":
            return row[column]
        if self.null == "of all kinds":
            return chance.choice((None, "NULL", r"\N", "NaN", "n/a", "None"))
        return self.null if self.null in {"NULL", r"\N", "NaN"} else None

    def _cell(self, text: str | None, *, is_name: bool = False) -> str:
        inside = f" {text or ''}  " if self.blanks == "inside" and not is_name else text or ""
        special = any(sign in inside for sign in (self.delimiter, self.quote, "\n", "\r"))
        if self.quoting == "never" or not (special or self._quotes(text, is_name=is_name)):
            return inside
        escaped = self.quote * 2 if self.quotes_inside == "doubled" else f"\\{self.quote}"
        if self.quotes_inside == "with a backslash":
            inside = inside.replace("\\", "\\\\")
        quoted = f"{self.quote}{inside.replace(self.quote, escaped)}{self.quote}"
        around = {"before quotes": " ", "around quotes": " "}.get(self.blanks, "") * (not is_name)
        return f"{around}{quoted}{around if self.blanks == 'around quotes' else ''}"

    def _quotes(self, text: str | None, *, is_name: bool) -> bool:
        if is_name:
            return self.header == "quoted" or self.quoting == "all"
        if text is None:
            return self.null == "quoted empty"
        if self.quoting == "texts":
            return not text.replace(".", "").isdecimal()
        return self.quoting == "all"

    def _line(self, cells: list[str], *, is_header: bool = False) -> str:
        ends = self.trailing == "everywhere" or (self.trailing == "in rows" and not is_header)
        return self.delimiter.join(cells) + self.delimiter * ends

    def _places_between(self) -> list[int]:
        return [place for place in (7, 30) if place < len(self.rows)] if self.between != "nothing" else []

    def _with_lines_between(self, lines: list[str], header: str) -> Iterator[str]:
        places = self._places_between()
        for number, line in enumerate(lines):
            yield line
            if number in places:
                yield header if self.between == "header" else ""

    def _before(self) -> str:
        return {"sep": f"sep={self.delimiter}{self.line_end}", "blank line": self.line_end}.get(self.before, "")

    def _at_end(self) -> str:
        return {"no line end": "", "blank lines": self.line_end * 4}.get(self.end, self.line_end)


_CHOICES: dict[str, tuple[str, ...]] = {
    "delimiter": (",", ";", "\t", "|"),
    "quoting": ("where needed", "where needed", "all", "texts", "never"),
    "quote": ('"', '"', '"', "'"),
    "quotes_inside": ("doubled", "doubled", "doubled", "with a backslash"),
    "line_end": ("\n", "\n", "\r\n", "\r\n", "\r"),
    "encoding": ("UTF-8", "UTF-8", "UTF-8 with a mark", "UTF-16 LE", "UTF-16 BE", "Latin-1", "Windows-1252"),
    "compression": ("none", "none", "none", "gzip", "zstd", "gzip members"),
    "header": ("plain", "plain", "upper case", "title case", "blanks", "quoted"),
    "order": ("usual", "other"),
    "extra": ("none", "plain", "quoted", "same name twice", "long"),
    "null": ("empty", "empty", "quoted empty", "NULL", r"\N", "NaN", "of all kinds"),
    "blanks": ("none", "none", "none", "inside", "before quotes", "around quotes"),
    "trailing": ("none", "none", "none", "none", "everywhere", "in rows"),
    "between": ("nothing", "nothing", "nothing", "header", "blank lines"),
    "end": ("line end", "line end", "no line end", "blank lines", "total"),
    "before": ("nothing", "nothing", "nothing", "nothing", "sep", "blank line"),
    "size": ("usual",) * 12 + ("one row", "only a header"),
}


def _each_alone() -> Iterator[Dialect]:
    """Yield the usual dialect, and each quirk by itself."""
    yield Dialect()
    for name, values in _CHOICES.items():
        for value in dict.fromkeys(values):
            yield Dialect(**{name: value})


def _mixed() -> Iterator[Dialect]:
    chance = Random(1252)
    while True:
        yield Dialect(**{name: chance.choice(values) for name, values in _CHOICES.items()})


def _usual_where_it_has_no_meaning(dialect: Dialect) -> Dialect:
    """Return the dialect without quirks that change nothing or contradict another one."""
    usual: dict[str, Callable[[], bool]] = {
        "quote": lambda: dialect.quoting == "never",
        "quotes_inside": lambda: dialect.quoting == "never",
        "null": lambda: dialect.quoting == "never" and dialect.null == "quoted empty",
        "header": lambda: dialect.quoting == "never" and dialect.header == "quoted",
        "blanks": lambda: dialect.quoting == "never" and dialect.blanks.endswith("quotes"),
        "extra": lambda: dialect.quoting == "never" and dialect.extra == "quoted",
        "between": lambda: dialect.size != "usual",
        "end": lambda: dialect.size == "only a header" and dialect.end == "total",
    }
    return Dialect(
        **{
            of.name: of.default if usual.get(of.name, lambda: False)() else getattr(dialect, of.name)
            for of in fields(dialect)
        }
    )


@cache
def dialects() -> tuple[Dialect, ...]:
    """Return the dialects: each quirk alone, and mixtures of many."""
    found: dict[Dialect, None] = {}
    for dialect in map(_usual_where_it_has_no_meaning, chain(_each_alone(), _mixed())):
        found.setdefault(dialect)
        if len(found) == DIALECTS:
            break
    return tuple(found)
