"""Dialects of SQL: how each writes the few things that `model_sql` needs of it.

A value is passed on as an expression. All dialects are equally strict about it, or else they say what they read.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Literal

from voucher_selection.domain.formats import LARGEST_WHOLE, MOST_DIGITS, NULL_WORDS
from voucher_selection.domain.lookups import LONGEST_ID
from voucher_selection.domain.white_space import SPACES

type DialectName = Literal["duckdb", "postgres", "sqlite", "mysql", "athena", "snowflake", "bigquery"]
type Cell = str | int | float
type Step = Callable[[str], str]
"""Makes an expression of another one."""

_LAST_OF_FOUR_DIGITS = 0xFFFF


class Dialect:
    """The forms that most dialects share; a dialect replaces those that it writes in its own way."""

    title: str
    takes = "numbers, and dates or times without a zone"
    whole, number, moment, string = "BIGINT", "DOUBLE", "TIMESTAMP", "VARCHAR"
    values, row = "VALUES", ""
    step = "AS"
    """What comes before a step of the query."""

    def text(self, value: str) -> str:
        """Return a text as a literal, on one line and without unprintable characters."""
        return f"'{value.replace("'", "''")}'"

    def rows(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
        """Return a common table expression of these rows."""
        return f"{name} ({', '.join(columns)}) AS ({self.values}\n    {self._listed(rows)}\n)"

    def cast(self, value: str, kind: str) -> str:
        """Return a value as one of another type."""
        return f"CAST({value} AS {kind})"

    def as_text(self, column: str) -> str:
        """Return a customer's text as the query compares it: character by character."""
        return self.cast(column, self.string)

    def is_odd_id(self, column: str) -> str:
        """Return whether a lookup rejects a customer's id."""
        return f"{self.length(self.cast(column, self.string))} > {LONGEST_ID}"

    def length(self, text: str) -> str:
        """Return how many characters a text has."""
        return f"length({text})"

    def edges(self, characters: str) -> str:
        """Return what `stripped` needs to remove these characters: the characters, or a pattern."""
        return self.text(characters)

    def stripped(self, text: str, edges: str) -> str:
        """Return a text without some characters around it."""
        return f"trim({text}, {edges})"

    def bare(self, column: str, edges: str) -> str:
        """Return a number or a time of a customer; if the dialect reads it from text, without what is around it."""
        _ = edges
        return column

    def replacement(self, old: str, new: str) -> Step:
        """Return what replaces a text by another, everywhere in a text."""
        return lambda text: f"replace({text}, {self.text(old)}, {self.text(new)})"

    def translation(self, characters: Mapping[str, str]) -> list[Step]:
        """Return what replaces characters by others."""
        old, new = (self.text("".join(listed)) for listed in (characters, characters.values()))
        return [lambda text: f"translate({text}, {old}, {new})"] if characters else []

    def orders_given(self, column: str) -> str:
        """Return a customer's number of orders, not yet checked; null where a lookup reads null."""
        return f"CASE WHEN {self.is_nan(column)} THEN NULL ELSE {column} END"

    def is_nan(self, column: str) -> str:
        """Return whether a number is none."""
        return f"isnan({self.cast(column, self.number)})"

    def orders(self, given: str) -> str:
        """Return a whole number from 0 to `LARGEST_WHOLE`, or null."""
        nearest, cut = self.cast(given, self.number), self.cast(given, self.whole)
        # Only numbers within the bounds can be cast to whole ones, and large whole ones equal the floats of others.
        return (
            f"CASE WHEN {nearest} BETWEEN 0 AND {LARGEST_WHOLE} THEN"
            f" CASE WHEN {cut} = {nearest} AND {cut} <= {LARGEST_WHOLE} THEN {cut} END END"
        )

    def time_given(self, column: str) -> str:
        """Return a customer's time, not yet checked; null where a lookup reads null."""
        return self.cast(column, self.moment)

    def time(self, given: str) -> str:
        """Return a time of the calendar, from year 1 to 9999, or null."""
        first, last = (
            self.cast(f"'{moment}'", self.moment)
            for moment in ("0001-01-01 00:00:00.000000", "9999-12-31 23:59:59.999999")
        )
        return f"CASE WHEN {given} BETWEEN {first} AND {last} THEN {given} END"

    def days_until(self, moment: str, day: date) -> str:
        """Return the whole days from the day of a time to a day."""
        return f"date_diff('day', {self.cast(moment, 'DATE')}, {self.day(day)})"

    def months_until(self, moment: str, day: date) -> str:
        """Return the whole calendar months from the month of a time to that of a day."""
        months = 12 * day.year + day.month
        return self.cast(f"{months} - 12 * {self.part('YEAR', moment)} - {self.part('MONTH', moment)}", self.whole)

    def day(self, day: date) -> str:
        """Return a day as a literal."""
        return self.cast(f"'{day}'", "DATE")

    def part(self, name: str, moment: str) -> str:
        """Return the year or the month of a time."""
        return f"EXTRACT({name} FROM {moment})"

    def same(self, text: str, other: str) -> str:
        """Return whether two texts are equal, character by character."""
        return f"{text} = {other}"

    def _listed(self, rows: Iterable[Sequence[Cell]]) -> str:
        return ",\n    ".join(f"{self.row}({', '.join(map(self._cell, row))})" for row in rows)

    def _cell(self, value: Cell) -> str:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int):
            return str(value)
        # With an exponent, a literal is a float: decimals of different widths would become one type, and lose digits.
        written = repr(value).removesuffix(".0").upper()
        return written if "E" in written else f"{written}E0"


class _DuckDb(Dialect):
    title = "DuckDB"

    def text(self, value: str) -> str:
        return _joined(value, super().text, lambda part: " || ".join(f"chr({ord(character)})" for character in part))


class _Postgres(Dialect):
    title = "PostgreSQL"
    # It would compute a value of one step again wherever a later step uses it.
    step = "AS MATERIALIZED"
    number = "DOUBLE PRECISION"
    string = "TEXT"

    def text(self, value: str) -> str:
        if value.isprintable() and "\\" not in value:
            return super().text(value)
        return f"E{_with_backslashes(value, "''")}"

    def as_text(self, column: str) -> str:
        # In any other order than by code points, letters can be equal that are not the same.
        return f'{super().as_text(column)} COLLATE "C"'

    def stripped(self, text: str, edges: str) -> str:
        return f"btrim({text}, {edges})"

    def orders_given(self, column: str) -> str:
        # A numeric may be larger than any float. -1 is as wrong as it is.
        return (
            f"CASE WHEN {column} BETWEEN -1 AND {LARGEST_WHOLE + 1} THEN {column}"
            f" WHEN {column} IS NULL OR {self.cast(column, 'TEXT')} = 'NaN' THEN NULL ELSE -1 END"
        )

    def days_until(self, moment: str, day: date) -> str:
        return f"{self.day(day)} - {self.cast(moment, 'DATE')}"


class _Sqlite(Dialect):
    title = "SQLite"
    step = "AS MATERIALIZED"  # as in PostgreSQL
    takes = "numbers, and times as text such as 2018-05-03 or 2018-05-03 18:00:00, without an offset"
    whole, number, moment, string = "INTEGER", "REAL", "TEXT", "TEXT"

    def text(self, value: str) -> str:
        return _joined(value, super().text, lambda part: f"char({', '.join(str(ord(c)) for c in part)})")

    def as_text(self, column: str) -> str:
        return f"CASE typeof({column}) WHEN 'text' THEN {column} END"

    def is_odd_id(self, column: str) -> str:
        return (
            f"typeof({column}) IN ('real', 'blob') OR typeof({column}) = 'text' AND"
            f" {self.length(column)} > {LONGEST_ID}"
        )

    def translation(self, characters: Mapping[str, str]) -> list[Step]:
        return [self.replacement(*pair) for pair in characters.items()]

    def bare(self, column: str, edges: str) -> str:
        return f"CASE typeof({column}) WHEN 'text' THEN {self.stripped(column, edges)} ELSE {column} END"

    def orders_given(self, column: str) -> str:
        # A file that was imported has numbers as text. Of these, plain decimals are read; -1 is as wrong as the others.
        is_decimal = (
            f"{column} GLOB '[0-9]*' AND {column} NOT GLOB '*[^0-9.]*' AND {column} NOT GLOB '*.*.*'"
            f" AND length({column}) <= {MOST_DIGITS}"
        )
        return (
            f"CASE typeof({column}) WHEN 'text' THEN CASE WHEN {self._is_null(column)} THEN NULL"
            f" WHEN {is_decimal} THEN CAST({column} AS REAL) ELSE -1 END WHEN 'blob' THEN -1 ELSE {column} END"
        )

    def time_given(self, column: str) -> str:
        # A text that is no time becomes an empty one, which is before the calendar begins.
        whole = f"{column} || substr('0000-00-00 00:00:00.000000', length({column}) + 1)"
        two = "[0-9][0-9]"
        form = f"{two}{two}-{two}-{two}[ T]{two}:[0-5][0-9]:[0-5][0-9].{two}{two}{two}"
        is_time = (
            f"(length({column}) IN (10, 16, 19) OR length({column}) BETWEEN 21 AND 26) AND {whole} GLOB '{form}'"
            f" AND substr({whole}, 12, 2) < '24' AND date(substr({column}, 1, 10), '+0 days') = substr({column}, 1, 10)"
        )
        return (
            f"CASE WHEN {column} IS NULL THEN NULL WHEN typeof({column}) <> 'text' THEN ''"
            f" WHEN {self._is_null(column)} THEN NULL WHEN {is_time} THEN replace({whole}, 'T', ' ') ELSE '' END"
        )

    def time(self, given: str) -> str:
        return f"CASE WHEN {given} >= '0001' THEN {given} END"

    def days_until(self, moment: str, day: date) -> str:
        return f"CAST(julianday('{day}') - julianday(substr({moment}, 1, 10)) AS INTEGER)"

    def part(self, name: str, moment: str) -> str:
        return f"substr({moment}, {'1, 4' if name == 'YEAR' else '6, 2'})"

    def _is_null(self, text: str) -> str:
        return f"lower({text}) IN ({', '.join(map(self.text, ('', *NULL_WORDS)))})"


class _MySql(Dialect):
    title = "MySQL 8.0.19 or newer"
    whole, moment, string = "SIGNED", "DATETIME(6)", "CHAR"
    row = "ROW"
    _ORDER = "COLLATE utf8mb4_0900_bin"

    def text(self, value: str) -> str:
        # Whether a backslash escapes is a setting of the server.
        if value.isprintable() and "\\" not in value:
            return super().text(value)
        return f"CONVERT(x'{value.encode().hex()}' USING utf8mb4)"

    def as_text(self, column: str) -> str:
        return f"CONVERT({column} USING utf8mb4) {self._ORDER}"

    def length(self, text: str) -> str:
        return f"char_length({text})"

    def edges(self, characters: str) -> str:
        others = "".join(character for character in characters if character not in SPACES)
        return self.text(f"^[[:space:]{others}]+|[[:space:]{others}]+$")

    def stripped(self, text: str, edges: str) -> str:
        return f"regexp_replace({text}, {edges}, '')"

    def translation(self, characters: Mapping[str, str]) -> list[Step]:
        return [self.replacement(*pair) for pair in characters.items()]

    def orders_given(self, column: str) -> str:
        return column

    def days_until(self, moment: str, day: date) -> str:
        return f"datediff('{day}', {moment})"

    def same(self, text: str, other: str) -> str:
        return f"{super().same(text, other)} {self._ORDER}"


class _Athena(Dialect):
    title = "Athena, engine version 3"

    def text(self, value: str) -> str:
        if value.isprintable():
            return super().text(value)
        return f"U&'{''.join(map(self._escaped, value))}'"

    def edges(self, characters: str) -> str:
        listed = "".join(f"\\u{ord(character):04x}" for character in characters)
        return f"'^[{listed}]+|[{listed}]+$'"

    def stripped(self, text: str, edges: str) -> str:
        return f"regexp_replace({text}, {edges}, '')"

    def is_nan(self, column: str) -> str:
        return f"is_nan({self.cast(column, self.number)})"

    def _escaped(self, character: str) -> str:
        if character in "\\'":
            return character * 2
        return character if character.isprintable() else f"\\+{ord(character):06X}"


class _Snowflake(Dialect):
    title = "Snowflake"
    moment = "TIMESTAMP_NTZ"
    values = "SELECT * FROM VALUES"

    def text(self, value: str) -> str:
        return _with_backslashes(value, "''")

    def is_nan(self, column: str) -> str:
        return f"{self.cast(column, self.number)} = CAST('NaN' AS DOUBLE)"

    def days_until(self, moment: str, day: date) -> str:
        return f"datediff('day', {self.cast(moment, 'DATE')}, {self.day(day)})"


class _BigQuery(Dialect):
    title = "BigQuery"
    takes = "numbers, and DATE or DATETIME"
    whole, number, moment, string = "INT64", "FLOAT64", "DATETIME", "STRING"

    def text(self, value: str) -> str:
        return _with_backslashes(value, "\\'")

    def rows(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
        kinds = {str: self.string, int: self.whole, float: self.number}
        first, *others = rows
        typed = ", ".join(f"{column} {kinds[type(cell)]}" for column, cell in zip(columns, first, strict=True))
        listed = self._listed([first, *others])
        return f"{name} AS (SELECT * FROM UNNEST(ARRAY<STRUCT<{typed}>>[\n    {listed}\n]))"  # noqa: S608 - literals

    def is_nan(self, column: str) -> str:
        return f"is_nan({self.cast(column, self.number)})"

    def days_until(self, moment: str, day: date) -> str:
        return f"date_diff({self.day(day)}, {self.cast(moment, 'DATE')}, DAY)"


def _joined(value: str, literal: Callable[[str], str], codes: Callable[[str], str]) -> str:
    """Return a text of printable parts as literals, and others by the numbers of their characters."""
    parts = [
        literal("".join(part)) if printable else codes("".join(part))
        for printable, part in groupby(value, str.isprintable)
    ]
    return parts[0] if len(parts) == 1 else f"({' || '.join(parts)})" if parts else literal("")


def _with_backslashes(value: str, quote: str) -> str:
    """Return a literal of a dialect in which a backslash escapes, and which writes a quote in this way."""
    return f"'{''.join(_escapes(value, quote))}'"


def _escapes(value: str, quote: str) -> Iterator[str]:
    for character in value:
        if character == "'":
            yield quote
        elif character == "\\":
            yield "\\\\"
        elif character.isprintable() or ord(character) > _LAST_OF_FOUR_DIGITS:
            yield character
        else:
            yield f"\\u{ord(character):04x}"


DIALECTS: Mapping[DialectName, Dialect] = {
    "duckdb": _DuckDb(),
    "postgres": _Postgres(),
    "sqlite": _Sqlite(),
    "mysql": _MySql(),
    "athena": _Athena(),
    "snowflake": _Snowflake(),
    "bigquery": _BigQuery(),
}
