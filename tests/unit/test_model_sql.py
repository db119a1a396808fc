"""The model in SQL answers as the API: run by DuckDB and SQLite, and by DuckDB as a translation of other dialects."""

import json
import random
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from benchmarks.random_customers import Answered, Asked, answered, customers, odd_model, texts
from tests.models import model_of
from tests.translated_sql import for_duckdb, parsed, texts_of
from voucher_selection.adapters.answer_sizes import LARGEST_ANSWER
from voucher_selection.adapters.servable import MOST_SEGMENTS
from voucher_selection.domain.fallbacks import ONLY_SEGMENTS, Fallback
from voucher_selection.domain.model import AmountCount, CountryMode, Model, SegmentMode
from voucher_selection.domain.model_sql import OUTPUT, model_sql
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.sql_dialects import DIALECTS, DialectName

MODEL = odd_model()
COUNTRY = Fallback("country", 30)
FALLBACKS = [ONLY_SEGMENTS, COUNTRY]
TYPED = """
    CREATE TABLE customers AS SELECT customer_id, country_code, segment_name, total_orders,
        CAST(last_order_ts AS TIMESTAMP) AS last_order_ts, CAST(first_order_ts AS TIMESTAMP) AS first_order_ts
    FROM given
"""


def in_duckdb(query: str, asked: Sequence[Asked]) -> list[tuple[Any, ...]]:
    columns = dict(zip(Asked._fields, map(list, zip(*asked, strict=True)), strict=True))
    types = {name: pa.float64() if name == "total_orders" else pa.string() for name in Asked._fields}
    with duckdb.connect() as database:
        database.register("given", pa.table({name: pa.array(columns[name], kind) for name, kind in types.items()}))
        database.execute(TYPED)
        return database.execute(query).fetchall()


def in_sqlite(query: str, asked: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE customers ({', '.join(Asked._fields)})")
        database.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?)", asked)
        return database.execute(query).fetchall()


def answers_of(rows: Sequence[tuple[Any, ...]]) -> dict[int, Answered]:
    """Return the answers by the customers' numbers; beside a problem, a row repeats the customer's own texts."""
    answers = {int(customer): Answered(*cells) for customer, *cells in rows}
    assert len(answers) == len(rows)
    return {
        number: answer._replace(country_code=None, segment_name=None) if answer.problem else answer
        for number, answer in answers.items()
    }


def by_the_api(model: Model, asked: Sequence[Asked], fallback: Fallback) -> dict[int, Answered]:
    return {int(str(customer.customer_id)): answered(model, customer, fallback) for customer in asked}


@pytest.mark.parametrize("fallback", FALLBACKS)
def test_duckdb_answers_random_customers_as_the_api(fallback: Fallback):
    asked = list(customers(MODEL, 10_000))

    assert answers_of(in_duckdb(model_sql(MODEL, "duckdb", fallback), asked)) == by_the_api(MODEL, asked, fallback)


@pytest.mark.parametrize("fallback", FALLBACKS)
def test_sqlite_answers_random_customers_as_the_api_also_if_their_values_are_texts(fallback: Fallback):
    picked = random.Random(1)
    asked = [texts(customer, picked) if picked.random() < 0.3 else customer for customer in customers(MODEL, 10_000)]

    assert answers_of(in_sqlite(model_sql(MODEL, "sqlite", fallback), asked)) == by_the_api(MODEL, asked, fallback)


@pytest.mark.parametrize("dialect", ["postgres", "mysql", "athena", "snowflake", "bigquery"])
def test_a_dialect_that_is_not_run_here_answers_as_the_api_once_it_is_translated(dialect: DialectName):
    # MySQL's numbers are never NaN, and PostgreSQL writes it in another way than DuckDB.
    asked = [customer for customer in customers(MODEL, 1_000) if customer.total_orders == customer.total_orders]

    rows = in_duckdb(for_duckdb(model_sql(MODEL, dialect, COUNTRY), dialect), asked)

    assert answers_of(rows) == by_the_api(MODEL, asked, COUNTRY)


@pytest.mark.parametrize(("fallback", "only"), [(ONLY_SEGMENTS, "no_segment"), (COUNTRY, "country")])
def test_the_random_customers_get_every_answer(fallback: Fallback, only: str):
    answers = by_the_api(MODEL, list(customers(MODEL, 3_000)), fallback).values()

    found = {answer.problem or answer.basis for answer in answers}
    assert found == {"segment", "invalid_request", "unknown_country", "no_support", only}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_query_is_one_statement_that_names_the_table_once_and_reads_every_name_as_it_is(dialect: DialectName):
    segments = {name for segmentation in MODEL.segmentations.values() for name in segmentation.bounds}

    query = model_sql(MODEL, dialect)
    statement = parsed(query, dialect)

    assert statement.named_selects == [*OUTPUT]
    assert len(re.findall(r"\bFROM customers\b", query)) == 1
    assert {character for character in query if not character.isprintable()} == {"\n"}
    assert {*MODEL.countries, *MODEL.segmentations, *segments} <= texts_of(statement)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_heading_names_the_model_and_all_that_answers_depend_on(dialect: DialectName):
    heading = model_sql(replace(MODEL, time_zone="Europe/Riga"), dialect, COUNTRY).partition("WITH")[0]

    assert all(line.startswith("-- ") or line == "--" for line in heading.splitlines())
    for fact in ("20180915T060000000Z-run", "CUR_DATE 2018-09-15", "Europe/Riga", "support of at least 30"):
        assert fact in heading


def test_mysql_compares_texts_by_their_characters_whatever_the_order_of_the_server():
    query = model_sql(MODEL, "mysql", COUNTRY)

    compared = re.findall(r"= \w+\.(?:spelling|segmentation|country_code)\b(.{8})", query)
    assert compared == [" COLLATE"] * 4


def test_a_row_with_a_problem_has_the_names_as_an_assign_run_writes_them():
    asked = [
        ("1", " PERU ", " frequent ", -1, None, None),
        ("2", " Chile ", "frequent", 3, None, None),
        ("3", "  ", "age", 3, None, None),
        ("4", None, None, 3, None, None),
    ]

    rows = in_sqlite(model_sql(MODEL, "sqlite"), asked)

    assert [(*row[:3], row[-1]) for row in rows] == [
        ("1", "Peru", "frequent", "invalid_request"),
        ("2", "Chile", "frequent", "unknown_country"),
        ("3", "  ", "age", "invalid_request"),
        ("4", None, None, "invalid_request"),
    ]


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        *((kind, "3", None) for kind in ("TINYINT", "BIGINT", "UBIGINT", "HUGEINT", "FLOAT", "DECIMAL(38, 30)")),
        *((kind, "2.5", "invalid_request") for kind in ("DOUBLE", "FLOAT", "DECIMAL(4, 1)", "DECIMAL(38, 30)")),
        *((kind, "9007199254740993", "invalid_request") for kind in ("BIGINT", "UBIGINT", "HUGEINT", "DECIMAL(18, 0)")),
        ("BIGINT", "9007199254740992", None),
        ("DECIMAL(38, 0)", "9" * 38, "invalid_request"),
        ("HUGEINT", "-1", "invalid_request"),
    ],
)
def test_numbers_of_any_type_are_read(kind: str, value: str, problem: str | None):
    with duckdb.connect() as database:
        database.execute(
            f"""CREATE TABLE customers AS SELECT 7 AS customer_id, 'Peru' AS country_code,
            'all\\''orders' AS segment_name, CAST('{value}' AS {kind}) AS total_orders,
            CAST(NULL AS DATE) AS last_order_ts, DATE '2018-01-01' AS first_order_ts"""
        )
        (row,) = database.execute(model_sql(MODEL, "duckdb", Fallback("country", 1))).fetchall()

    assert (row[0], row[-1]) == (7, problem)


@pytest.mark.parametrize("kind", ["integer", "real", "blob", "text"])
def test_sqlite_reads_values_by_their_own_types(kind: str):
    value = {"integer": 3, "real": 3.0, "blob": b"3", "text": "3"}[kind]
    good = {"customer_id": "1", "country_code": "Peru", "segment_name": "recency", "total_orders": 1}
    customer = {**good, "last_order_ts": "2018-09-15", "first_order_ts": None}

    def refused(field: str) -> bool:
        (row,) = in_sqlite(
            model_sql(MODEL, "sqlite", Fallback("country", 1)), [(*(customer | {field: value}).values(),)]
        )
        return row[-1] == "invalid_request"

    assert [field for field in Asked._fields if refused(field)] == {
        "integer": ["country_code", "segment_name", "last_order_ts", "first_order_ts"],
        "real": ["customer_id", "country_code", "segment_name", "last_order_ts", "first_order_ts"],
        "blob": [*Asked._fields],
        "text": ["segment_name", "last_order_ts", "first_order_ts"],
    }[kind]


@pytest.mark.parametrize("dialect", ["duckdb", "sqlite"])
def test_a_model_without_support_answers_nobody(dialect: DialectName):
    mode = SegmentMode("Peru", "loyalty", "all", 0, None, ())
    definitions = SegmentDefinitions.model_validate(
        {
            "segmentations": [
                {
                    "name": "loyalty",
                    "measure": "total_orders",
                    "segments": [{"name": "all", "lower": 0, "upper": None}],
                    "outside": None,
                }
            ]
        }
    )
    model = model_of(mode, definitions=definitions)
    run = in_duckdb if dialect == "duckdb" else in_sqlite

    rows = run(model_sql(model, dialect, Fallback("country", 1)), [Asked("1", "Peru", "loyalty", 3, None, None)])

    assert rows[0][-1] == "no_support"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_largest_model_fits_into_an_answer(dialect: DialectName):
    # Each dialect and JSON write one of the two letters with many characters.
    names = [f"{number:03d}{'\N{BAR CHART}\u2028' * 30}x" for number in range(MOST_SEGMENTS // 20)]
    some = (AmountCount(123456789.123456, 1_234_567),)
    segments = [{"name": f"{n}{'n' * 62}", "lower": n, "upper": n} for n in range(20)]
    loyalty = {"name": "loyalty", "measure": "total_orders", "segments": segments, "outside": None}
    definitions = SegmentDefinitions.model_validate({"segmentations": [loyalty]})
    model = model_of(
        *(SegmentMode(name, "loyalty", f"{n}{'n' * 62}", n, n, some) for name in names for n in range(20)),
        countries=tuple(names),
        country_modes=tuple(CountryMode(name, some) for name in names),
        definitions=definitions,
    )

    query = model_sql(model, dialect, Fallback("country", 1))

    assert len(json.dumps(query)) < LARGEST_ANSWER
