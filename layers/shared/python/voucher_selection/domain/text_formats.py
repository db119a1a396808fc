"""Text files of a source, CSV and JSON lines: what was recognised of them, and what a run says about its CSV files.

No Arrow, because every request may say it.
"""

import json
import re
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

type Format = Literal["csv", "json_lines"]
type Compression = Literal["gzip", "zstd"]

ENCODINGS = (
    *("utf-8", "utf-16", "utf-16-le", "utf-16-be"),
    *("windows-1250", "windows-1251", "windows-1252", "windows-1253", "windows-1254", "windows-1257"),
    *("iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-9", "iso-8859-15"),
    *("shift_jis", "gb18030", "big5", "euc-kr"),
)
"""The encodings that a run may name, by Python's names. Only the first four and windows-1252 are found out."""

QUOTES = ('"', "'")
_MOST_FORMATS = 10
_MOST_HINTS = 20
_MOST_BYTES = 32 * 1024  # of the JSON of formats, and of hints
_MOST_COLUMNS = 30  # of a header in a plan
_LONGEST_NAME = 60
_LONGEST_FORMAT = 40
# What each directive of a date format stands for, as a regular expression with one group.
DATE_DIRECTIVES = {
    "d": r"(?P<d>[0-9]{1,2})",
    "m": r"(?P<m>[0-9]{1,2})",
    "b": r"(?P<b>(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))",
    "Y": r"(?P<Y>[0-9]{4})",
    "y": r"(?P<y>[0-9]{2})",
    "H": r"(?P<H>[0-9]{1,2})",
    "M": r"(?P<M>[0-9]{2})",
    "S": r"(?P<S>[0-9]{2})",
    "f": r"(?P<f>[0-9]{1,6})",
}
_DIRECTIVE = re.compile(r"%(.?)")


def _one_of_encodings(name: str) -> str:
    known = name.strip().lower().replace("_", "-").replace("cp125", "windows-125").replace("latin-1", "iso-8859-1")
    known = {"latin1": "iso-8859-1", "utf8": "utf-8", "utf16": "utf-16", "shift-jis": "shift_jis"}.get(known, known)
    if known not in ENCODINGS:
        raise ValueError(f"expected one of {', '.join(ENCODINGS)}, got {name[:80]!r}")
    return known


def _one_delimiter(text: str) -> str:
    delimiter = {"tab": "\t", "\\t": "\t"}.get(text, text)
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter.isalnum() or delimiter in {*QUOTES, *" \r\n\0.-:"}:
        raise ValueError(f"expected one character, such as ',', ';', '|' or a tab, got {text[:80]!r}")
    return delimiter


def _date_format(text: str) -> str:
    """Check a format such as `%d/%m/%Y`: a day, a month and a year, each once, and a time if it has one."""
    directives = _DIRECTIVE.findall(text)
    unknown = [f"%{name}" for name in directives if name not in DATE_DIRECTIVES]
    if unknown or len(text) > _LONGEST_FORMAT or not text.isprintable():
        known = ", ".join(f"%{name}" for name in DATE_DIRECTIVES)
        raise ValueError(f"expected a date format like %d/%m/%Y of {known}, got {text[:80]!r}")
    date = sorted({"b": "m", "y": "Y"}.get(name, name) for name in directives if name in "dmbYy")
    time = [name for name in directives if name in "HMSf"]
    if date != ["Y", "d", "m"] or time not in ([], ["H", "M"], ["H", "M", "S"], ["H", "M", "S", "f"]):
        raise ValueError(
            "expected a date format with one day (%d), one month (%m or %b) and one year (%Y or %y), and at most one"
            f" time like %H:%M:%S, got {text!r}"
        )
    return text


class CsvOptions(BaseModel):
    """What a run says about its CSV files: `csv` of its input. What it does not say is found out, or is as usual.

    Attributes
    ----------
    delimiter
        The character between cells; default: found out, one of comma, semicolon, tab and `|`.
    quote
        The character around cells, `"` or `'`; empty if cells have none. Default: found out.
    encoding
        The encoding, such as `windows-1252` or `shift_jis`; a wrong name is refused with the list. Default: found out.
    decimal
        The character before the decimals of a number. Default: `.`.
    thousands
        The character between a number's groups of three digits. Default: none.
    date_format
        The form of dates, such as `%d/%m/%Y`. A time may follow, as in `15/09/2018 18:00`. Default: `%Y-%m-%d`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: Annotated[str, AfterValidator(_one_delimiter)] | None = None
    quote: Literal['"', "'", ""] | None = None
    encoding: Annotated[str, AfterValidator(_one_of_encodings)] | None = None
    decimal: Literal[".", ","] | None = None
    thousands: Literal[".", ",", " ", "'"] | None = None
    date_format: Annotated[str, AfterValidator(_date_format)] | None = None

    @model_validator(mode="after")
    def _no_character_twice(self) -> Self:
        if self.thousands == (self.decimal or "."):
            raise ValueError(
                f"expected other characters for `decimal` and `thousands`, got {self.thousands!r} for both"
            )
        return self

    @property
    def says_how_to_read_values(self) -> bool:
        """Whether numbers or dates are written in another way than usual."""
        return any(said is not None for said in (self.decimal, self.thousands, self.date_format))

    def __str__(self) -> str:
        """Return the options as JSON, as they are in a run's input."""
        return self.model_dump_json(exclude_none=True)


class Hint(BaseModel):
    """Values of a column that would be malformed, and what `csv` of the run's input could say, so that they are read.

    Several `options` mean that the values do not show which one is right. `values` of the `of` first values of the file
    look like the `example`.
    """

    model_config = ConfigDict(frozen=True)

    file: str
    column: str
    example: str
    values: int
    of: int
    options: tuple[CsvOptions, ...]

    @property
    def seen(self) -> str:
        """What the values look like, as a phrase for people."""
        return f"{self.values:,} of the first {self.of:,} values of {self.column} look like {self.example}"

    def __str__(self) -> str:
        """Return the hint as a sentence for people."""
        said = " or ".join(f'"csv": {options}' for options in self.options)
        return f"{self.seen}: say {said} in the run's input"


class TextFormat(BaseModel):
    """What was recognised of a text file.

    Attributes
    ----------
    format
        The file's format.
    compression
        How the file is compressed; None if it is not.
    encoding
        The encoding by Python's name, such as `utf-8` or `windows-1252`.
    delimiter
        The character between the cells of a CSV file; None for JSON lines.
    quote
        The character around the cells of a CSV file; None if they have none, and for JSON lines.
    columns
        The names of the columns as the file has them, without the white space around them; of JSON lines the keys of
        its first lines.
    """

    model_config = ConfigDict(frozen=True)

    format: Format
    compression: Compression | None = None
    encoding: str = "utf-8"
    delimiter: str | None = None
    quote: str | None = None
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return what was recognised as a phrase for people.

        Examples
        --------
        >>> str(TextFormat(format="csv", delimiter=";", quote='"', compression="gzip", encoding="windows-1252"))
        'CSV with semicolons, quotes ", windows-1252, gzip'
        """
        if self.format == "json_lines":
            said = ["JSON lines"]
        else:
            between = _DELIMITERS.get(self.delimiter or "", repr(self.delimiter))
            said = [f"CSV with {between}", f"quotes {self.quote}" if self.quote else "no quotes"]
        said.append({"utf-8": "UTF-8"}.get(self.encoding, self.encoding))
        return ", ".join([*said, *([self.compression] if self.compression else [])])


_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "|"}


class TextFiles(BaseModel):
    """Text files of a run's source that have the same format; `first` is the source of the first of them."""

    model_config = ConfigDict(frozen=True)

    recognised: TextFormat
    files: int
    first: str

    def __str__(self) -> str:
        """Return the files, and what was recognised of them, as a phrase for people.

        Examples
        --------
        >>> format = TextFormat(format="json_lines", columns=("country_code", "total_orders"))
        >>> str(TextFiles(recognised=format, files=3, first="history/a.jsonl"))
        '3 files, the first history/a.jsonl: JSON lines, UTF-8; columns country_code, total_orders'
        """
        files = self.first if self.files == 1 else f"{self.files:,} files, the first {self.first}"
        return f"{files}: {self.recognised}; columns {', '.join(self.recognised.columns) or 'none'}"


class Texts(BaseModel):
    """The text files of a run's source: what was recognised of them, and hints for values that would be malformed."""

    model_config = ConfigDict(frozen=True)

    formats: tuple[TextFiles, ...] = ()
    hints: tuple[Hint, ...] = ()

    @classmethod
    def of(cls, found: Iterable[tuple[str, TextFormat]], hints: Iterable[Hint]) -> Self:
        """Group files, by source and format, that have the same format.

        Of many formats and hints it keeps the first ones, at most 32 KiB of JSON of each: they are in the result
        of an execution, which Step Functions limits to 256 KiB.
        """
        files: dict[TextFormat, list[str]] = {}
        for source, recognised in found:
            files.setdefault(recognised, []).append(source)
        formats = [TextFiles(recognised=each, files=len(of), first=of[0]) for each, of in files.items()]
        distinct = {(hint.column, hint.options): hint for hint in reversed([*hints])}
        return cls(
            formats=_fitting(formats[:_MOST_FORMATS]), hints=_fitting([*reversed(distinct.values())][:_MOST_HINTS])
        )


def _fitting[Item: BaseModel](items: Sequence[Item]) -> tuple[Item, ...]:
    """Return the first items whose JSON has at most `_MOST_BYTES`; characters beyond ASCII take six bytes or more."""
    ends = accumulate(len(json.dumps(item.model_dump(mode="json"))) for item in items)
    return tuple(item for item, end in zip(items, ends, strict=True) if end <= _MOST_BYTES)


def shown_columns(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of a header as a plan has them: not more than 30, and none longer than 60 characters."""
    return tuple(name[:_LONGEST_NAME] for name in list(names)[:_MOST_COLUMNS])
