"""The model outside the product: `./quickstart bench exports` proves that it answers as the API, and times it.

A million random customers are answered by the product's own lookups and by each contender, and all answers are compared.
The customers are at every boundary, with every kind of bad value that a contender's types can hold. PostgreSQL takes
part if it is installed: the server is one of this process's own. It takes about ten minutes.
"""

import argparse
import os
import platform
import random
import sqlite3
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import duckdb
import psycopg
import pyarrow as pa

from benchmarks.contenders import postgres_sql
from benchmarks.random_customers import Answered, Asked, answered, customers, odd_model, texts
from benchmarks.readers import AT_ONCE, Proved, prove_readers
from benchmarks.readers import OURS as READERS_OURS
from voucher_selection.domain.fallbacks import ONLY_SEGMENTS, Fallback
from voucher_selection.domain.model import AmountCount, CountryMode, Model, SegmentMode
from voucher_selection.domain.model_sql import OUTPUT, model_sql
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.domain.sql_dialects import DIALECTS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/exports.md"
CUSTOMERS = 1_000_000
# Each is a round: all contenders answer all customers, in turn.
ROUNDS = (ONLY_SEGMENTS, Fallback("country", 30), ONLY_SEGMENTS)
_ALONE = 20
_COLUMNS = ", ".join(OUTPUT)
_MANY = tuple(f"Country {number}" for number in range(300))

type Answers = Iterable[tuple[int, Answered]]
"""Rows of customers, and the answer to each; in any order."""


class Answering(NamedTuple):
    """What a contender found: the seconds that it took, and its answers."""

    seconds: float
    answers: Answers


class Contender(NamedTuple):
    """Someone who answers customers of a model; `has_types` is False if their numbers and times may be texts."""

    name: str
    answer: Callable[[Model, Fallback, Sequence[Asked]], Answering]
    has_types: bool = True


def ours(model: Model, fallback: Fallback, asked: Sequence[Asked]) -> Answering:
    """Answer as `POST /vouchers` does, in this process, without HTTP and JSON."""
    started = time.perf_counter()
    answers = [answered(model, customer, fallback) for customer in asked]
    return Answering(time.perf_counter() - started, enumerate(answers))


def duck_db(model: Model, fallback: Fallback, asked: Sequence[Asked]) -> Answering:
    """Answer in DuckDB, in memory."""
    with duckdb.connect() as database:
        database.execute("SET threads = 1")
        database.register("given", _table(asked))
        database.execute(f"CREATE TABLE customers AS SELECT {_TYPED} FROM given")
        seconds = _timed(database.execute, model_sql(model, "duckdb", fallback))
        return Answering(seconds, _read(database.execute(f"SELECT {_COLUMNS} FROM answers").fetchall()))


def postgres(model: Model, fallback: Fallback, asked: Sequence[Asked]) -> Answering:
    """Answer in PostgreSQL, within `postgres_sql.session`."""
    with psycopg.connect(dbname="postgres", autocommit=True) as database, database.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS given, customers, answers")
        cursor.execute(f"CREATE TABLE given ({', '.join(f'{name} text' for name in Asked._fields)})")
        with cursor.copy("COPY given FROM STDIN") as copy:
            for customer in asked:
                copy.write_row([None if value is None else str(value) for value in customer])
        cursor.execute(f"CREATE TABLE customers AS SELECT {_TYPED.replace('DOUBLE', 'DOUBLE PRECISION')} FROM given")
        cursor.execute("ANALYZE customers")
        seconds = _timed(cursor.execute, model_sql(model, "postgres", fallback))
        return Answering(seconds, _read(cursor.execute(f"SELECT {_COLUMNS} FROM answers").fetchall()))


def sqlite(model: Model, fallback: Fallback, asked: Sequence[Asked]) -> Answering:
    """Answer in SQLite, in memory."""
    database = sqlite3.connect(":memory:")
    database.execute(
        "CREATE TABLE customers (customer_id, country_code, segment_name, total_orders, last_order_ts, first_order_ts)"
    )
    database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?)", asked)
    seconds = _timed(database.execute, model_sql(model, "sqlite", fallback))
    rows = database.execute(f"SELECT {_COLUMNS} FROM answers").fetchall()
    database.close()
    return Answering(seconds, _read(rows))


OURS = Contender("our lookups, in Python", ours)
CONTENDERS = (
    Contender("DuckDB", duck_db),
    Contender("PostgreSQL", postgres),
    Contender("SQLite", sqlite, has_types=False),
)
_TYPED = (
    "customer_id, country_code, segment_name, CAST(total_orders AS DOUBLE) AS total_orders,"
    " CAST(last_order_ts AS TIMESTAMP) AS last_order_ts, CAST(first_order_ts AS TIMESTAMP) AS first_order_ts"
)


def main() -> None:
    """Prove, measure, print and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--customers", type=int, default=CUSTOMERS, help="fewer customers prove less, and write no page"
    )
    count: int = parser.parse_args().customers
    started = time.monotonic()
    model = odd_model()
    typed = list(customers(model, count))
    picked = random.Random(1)
    untyped = [texts(customer, picked) if picked.random() < 0.3 else customer for customer in typed]
    contenders = [contender for contender in CONTENDERS if contender.name != "PostgreSQL" or postgres_sql.available()]
    with postgres_sql.session():
        seconds, problems = _prove(model, contenders, typed, untyped)
        alone = {contender.name: _alone(contender, model, typed[0]) for contender in (OURS, *contenders)}
    readers = prove_readers(count)
    machine = (
        f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}, DuckDB"
        f" {duckdb.__version__}, SQLite {sqlite3.sqlite_version}; {time.monotonic() - started:.0f} s in all"
    )
    page = _page(count, seconds, alone, problems, machine) + _page_of_readers(count, readers)
    print(page)
    if count == CUSTOMERS:
        PAGE.write_text(page, encoding="utf-8")


def _prove(
    model: Model, contenders: Sequence[Contender], typed: Sequence[Asked], untyped: Sequence[Asked]
) -> tuple[dict[str, float], Counter[str]]:
    """Return the median seconds of each contender, and how often each answer occurs; raise if one is not ours."""
    seconds: dict[str, list[float]] = {}
    found = Counter[str]()
    for fallback in ROUNDS:
        expected = {}
        for has_types, asked in ((True, typed), (False, untyped)):
            answering = ours(model, fallback, asked)
            expected[has_types] = [answer for _, answer in answering.answers]
            if has_types:
                seconds.setdefault(OURS.name, []).append(answering.seconds)
        found.update(answer.problem or f"{answer.basis}" for answer in expected[True])
        for contender in contenders:
            asked = typed if contender.has_types else untyped
            answering = contender.answer(model, fallback, asked)
            seconds.setdefault(contender.name, []).append(answering.seconds)
            _check(contender, asked, expected[contender.has_types], answering.answers)
    return {name: statistics.median(taken) for name, taken in seconds.items()}, found


def _check(contender: Contender, asked: Sequence[Asked], expected: Sequence[Answered], answers: Answers) -> None:
    rows = set()
    for row, answer in answers:
        rows.add(row)
        if answer != expected[row]:
            raise SystemExit(f"{contender.name}: expected {expected[row]} for {asked[row]}, got {answer}")
    if len(rows) != len(asked):
        raise SystemExit(f"{contender.name}: expected answers for {len(asked):,} rows, got {len(rows):,}")


def _alone(contender: Contender, model: Model, asked: Asked) -> float:
    """Return the median seconds of a lookup of one customer."""
    return statistics.median(contender.answer(model, ONLY_SEGMENTS, [asked]).seconds for _ in range(_ALONE))


def _table(asked: Sequence[Asked]) -> pa.Table:
    columns = dict(zip(Asked._fields, map(list, zip(*asked, strict=True)), strict=True))
    types = {name: pa.float64() if name == "total_orders" else pa.string() for name in Asked._fields}
    return pa.table({name: pa.array(values, types[name]) for name, values in columns.items()})


def _timed(execute: Callable[[str], object], query: str) -> float:
    started = time.perf_counter()
    execute(f"CREATE TABLE answers AS {query}")
    return time.perf_counter() - started


def _read(rows: Iterable[Sequence[object]]) -> Iterator[tuple[int, Answered]]:
    """Yield answers of a query's result. A row with a problem repeats the customer's own texts: they are no answer."""
    for customer_id, *cells in rows:
        answer = Answered(*cells)  # type: ignore[arg-type]
        yield int(str(customer_id)), answer._replace(country_code=None, segment_name=None) if answer.problem else answer


def _page(count: int, seconds: dict[str, float], alone: dict[str, float], found: Counter[str], machine: str) -> str:
    own = seconds[OURS.name]
    rows = "\n".join(
        f"| {name} | {taken:.1f} | {taken / count * 1e6:.2f} | {taken / own:.2f} | {alone[name] * 1e3:.2f} |"
        for name, taken in seconds.items()
    )
    occurred = ", ".join(f"{number:,} `{name}`" for name, number in found.most_common())
    return f"""# The model in SQL: equal answers, and what a lookup costs

    ./quickstart bench exports

proves that [the model in SQL](how-to/use-the-model-in-sql.md) answers as `POST /voucher`, and writes this page. Measured with {machine}.

## Equal answers
{count:,} random customers were answered {len(ROUNDS)} times: without a fallback, with the country as the fallback and a least support of 30, and again without. Each answer of each engine has the same segment, amount, basis, support and share as ours, or the same problem. The customers are at both sides of every bound of a segment and of a day, with
missing, negative, fractional, too large and infinite numbers, NaN, contradictory and impossible dates, odd ids, and countries in any case, Unicode form and white space. In SQLite, three of ten have a text as a number or a time. Of the answers, {occurred}.

## What a lookup costs
A lookup is a row of a table that is already loaded; the result is written to another table. DuckDB has one thread. Medians of {len(ROUNDS)} rounds in which all took turns. Other processes of the machine prolong these times: compare the ratios. *Alone* is a query for a table of one customer: reading and planning the query is most of it.

| | {count:,} lookups, s | one of them, µs | ours = 1 | one alone, ms |
|---|--:|--:|--:|--:|
{rows}

## How large the query is
In bytes, with the segments that ship, each country with support in all of them, and the fallback. `GET /model.sql` answers with up to 6 MB. Athena takes 262,144 bytes, BigQuery 1 MB, Snowflake 1 MB.

| | 1 country | 300 countries |
|---|--:|--:|
{_sizes()}
"""


def _page_of_readers(count: int, proved: Proved) -> str:
    own = proved.microseconds[READERS_OURS]
    rows = "\n".join(f"| {name} | {taken:.1f} | {taken / own:.2f} |" for name, taken in proved.microseconds.items())
    occurred = ", ".join(f"{number:,} `{name}`" for name, number in proved.found.most_common())
    return f"""
## The readers of model.json
The [readers in Python and JavaScript](how-to/use-the-model-offline.md) answered {count:,} random customers in JSON, of {-(-count // AT_ONCE)} models in three time zones, with and without a fallback. Each answer equals that of `POST /voucher`, or has the same problem. The customers are at both sides of every bound, and each field has every odd value: of every type of JSON, with
numbers and times as text in every form, offsets, words for null, and days that do not exist. Of the answers, {occurred}.

A lookup is of one customer who is already read from JSON. Medians of {-(-count // AT_ONCE)} parts in which all took turns.

| | one lookup, µs | ours = 1 |
|---|--:|--:|
{rows}
"""


def _supported(countries: Sequence[str]) -> Model:
    """Return a model of these countries with the segments that ship, all with support."""
    some = (AmountCount(2640.0, 81_234), AmountCount(4400.5, 11_111))
    return replace(
        odd_model(),
        countries=tuple(countries),
        definitions=shipped_definitions(),
        modes=tuple(
            SegmentMode(country, found.name, segment, *bounds, some)
            for country in countries
            for found in shipped_definitions().segmentations
            for segment, bounds in found.bounds.items()
        ),
        country_modes=tuple(CountryMode(country, some) for country in countries),
    )


def _sizes() -> str:
    fallback = Fallback("country", 30)
    models = [_supported(countries) for countries in (_MANY[:1], _MANY)]
    return "\n".join(
        f"| {name} | {' | '.join(f'{len(model_sql(model, name, fallback).encode()):,}' for model in models)} |"
        for name in DIALECTS
    )


if __name__ == "__main__":
    main()
