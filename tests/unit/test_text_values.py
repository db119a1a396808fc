"""Numbers and dates in a form that a run names: written as usual, exactly, or malformed; never read otherwise."""

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voucher_selection.domain.parsing import parse_amount, parse_timestamp
from voucher_selection.domain.text_formats import CsvOptions
from voucher_selection.domain.text_values import as_usual


def written(column: str, *values: str | None, **options: str) -> list[str | None]:
    rows = pa.record_batch({column: pa.array(values, pa.string())})
    found: list[str | None] = as_usual(rows, CsvOptions(**options))[column].to_pylist()
    return found


@pytest.mark.parametrize(
    ("date_format", "value", "usual"),
    [
        ("%d/%m/%Y", "15/09/2018", "2018-09-15"),
        ("%d/%m/%Y", " 5/9/2018 ", "2018-09-05"),
        ("%m/%d/%Y", "9/15/2018", "2018-09-15"),
        ("%d.%m.%Y", "15.09.2018 18:00", "2018-09-15 18:00"),
        ("%d/%m/%Y", "15/09/2018T8:05:30.25+02:00", "2018-09-15 08:05:30.25+02:00"),
        ("%d/%m/%Y", "15/09/2018 18:00Z", "2018-09-15 18:00Z"),
        ("%d/%m/%y", "15/09/18", "2018-09-15"),
        ("%d/%m/%y", "15/09/69", "1969-09-15"),
        ("%d-%b-%Y", "15-SEP-2018", "2018-09-15"),
        ("%b %d, %Y", "jan 1, 2018", "2018-01-01"),
        ("%Y%m%d", "20180915", "2018-09-15"),
        ("%d/%m/%Y %H:%M:%S", "15/09/2018 8:05:09", "2018-09-15 08:05:09"),
    ],
)
def test_a_date_is_written_as_usual(date_format: str, value: str, usual: str):
    (found,) = written("last_order_ts", value, date_format=date_format)

    assert found == usual
    assert parse_timestamp(pa.array([found])).malformed.to_pylist() == [False]


@pytest.mark.parametrize(
    "value", ["2018-09-15", "15-09-2018", "15/09/18", "15/09/2018x", "31/02/2018", "15/13/2018", "x"]
)
def test_a_date_in_another_form_is_malformed(value: str):
    found = written("last_order_ts", value, date_format="%d/%m/%Y")

    assert parse_timestamp(pa.array(found)).malformed.to_pylist() == [True]
    assert value[:2] in str(found[0])


def test_the_quarantine_says_which_form_was_expected():
    assert written("timestamp", "2018-09-15", date_format="%d/%m/%Y") == ["2018-09-15 (not like %d/%m/%Y)"]
    assert written("voucher_amount", "9.95", decimal=",") == ["9.95 (not like 1234,5)"]


def test_null_stays_null_and_other_columns_stay_as_they_are():
    nulls = [None, "", "  ", "NULL", "n/a", "\\N"]

    assert written("timestamp", *nulls, date_format="%d/%m/%Y") == nulls
    assert written("total_orders", *nulls, decimal=",") == nulls
    assert written("country_code", "1,5", "15/09/2018", decimal=",", date_format="%d/%m/%Y") == ["1,5", "15/09/2018"]
    assert written("timestamp", "15/09/2018", decimal=",") == ["15/09/2018"]


@pytest.mark.parametrize(
    ("options", "value", "usual"),
    [
        ({"decimal": ","}, "9,95", "9.95"),
        ({"decimal": ","}, "-1,5e2", "-1.5e2"),
        ({"decimal": ",", "thousands": "."}, "1.234.567,5", "1234567.5"),
        ({"decimal": ",", "thousands": "."}, "1234", "1234"),
        ({"thousands": ","}, "1,234.5", "1234.5"),
        ({"decimal": ",", "thousands": " "}, "1\u00a0234\u202f567,5", "1234567.5"),
        ({"thousands": "'"}, "1'234", "1234"),
    ],
)
def test_a_number_is_written_as_usual(options: dict[str, str], value: str, usual: str):
    assert written("voucher_amount", value, **options) == [usual]


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({"decimal": ","}, "9.95"),
        ({"decimal": ","}, "1.234,5"),
        ({"decimal": ",", "thousands": "."}, "1.23"),
        ({"decimal": ",", "thousands": "."}, "12.34.567"),
        ({"decimal": ",", "thousands": "."}, "1234.567"),
        ({"decimal": ",", "thousands": "."}, "1,234.5"),
        ({"thousands": ","}, "1,2345"),
        ({"thousands": ","}, ",123"),
        ({"decimal": ","}, "1,2,3"),
    ],
)
def test_a_number_in_another_form_is_malformed(options: dict[str, str], value: str):
    assert parse_amount(pa.array(written("voucher_amount", value, **options))).malformed.to_pylist() == [True]


@given(st.decimals(0, 10**9, places=3), st.sampled_from([(",", "."), (",", " "), (",", "'"), (".", ",")]))
def test_every_number_comes_back(number: Decimal, marks: tuple[str, str]):
    decimal, thousands = marks
    text = f"{number:,}".translate(str.maketrans({",": thousands, ".": decimal}))

    assert written("voucher_amount", text, decimal=decimal, thousands=thousands) == [str(number)]
