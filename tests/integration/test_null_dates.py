"""Placeholders: dates of a history that mean none."""

from datetime import date, datetime

import pytest

from tests.histories import history, parquet_bytes
from tests.integration.conftest import FOLDER, SECOND, STARTED
from tests.lake_reading import last_orders
from voucher_selection.domain.errors import InvalidRequest

ROWS = [
    {"last_order_ts": "1900-01-01", "first_order_ts": None},
    {"last_order_ts": "9999-12-31"},
    {"last_order_ts": "2018-05-03"},
    {"last_order_ts": "1900-01-01", "first_order_ts": datetime(1900, 1, 1), "total_orders": "0"},
]
BOTH = ["1900-01-01", "9999-12-31"]


@pytest.fixture
def source(put) -> str:
    return put("uploads/days/one.parquet", parquet_bytes(history(*ROWS)))


def test_a_date_that_a_run_names_is_none(pipeline, lake, source):
    as_dates = pipeline.run("run-1", {"source": source}, STARTED)
    as_none = pipeline.run("run-2", {"source": source, "null_dates": BOTH}, STARTED + SECOND)

    assert last_orders(lake, "run-1") == {date(1900, 1, 1): 1, date(2018, 5, 3): 1, date(9999, 12, 31): 1}
    assert (as_dates["rows"]["kept"], as_dates["rows"]["rejected"]["zero_orders_with_dates"]) == (3, 1)
    assert last_orders(lake, "run-2") == {date(2018, 5, 3): 1}
    assert (as_none["rows"]["kept"], as_none["rows"]["rejected"]["zero_orders_with_dates"]) == (4, 0)


def test_the_stages_placeholders_hold_for_each_run_that_names_none(environment, pipeline, lake, source):
    environment.setenv("NULL_DATES", '["1900-01-01", "9999-12-31"]')
    pipeline.reload()

    pipeline.run("run-1", {"source": source}, STARTED)
    pipeline.run("run-2", {"source": source, "null_dates": []}, STARTED + SECOND)

    assert last_orders(lake, "run-1") == {date(2018, 5, 3): 1}
    assert len(last_orders(lake, "run-2")) == 3


def test_an_append_has_placeholders_of_its_own(pipeline, lake, source, put):
    pipeline.run("run-1", {"source": source, "null_dates": BOTH}, STARTED)
    put("uploads/days/two.parquet", parquet_bytes(history({"last_order_ts": "1970-01-01"}, *ROWS[:1])))

    pipeline.append("run-2", FOLDER, STARTED + SECOND, null_dates=["1970-01-01"])

    assert last_orders(lake, "run-2") == {date(1900, 1, 1): 1, date(2018, 5, 3): 1}


@pytest.mark.parametrize(
    ("null_dates", "message"),
    [
        (["01.01.1900"], r"null_dates\.0: expected a date like 2018-09-15, got '01\.01\.1900'"),
        (["0000-00-00"], r"null_dates\.0: expected a date"),
        ("1900-01-01", "null_dates: Input should be a valid tuple"),
        (["1900-01-01"] * 101, "null_dates: expected at most 100 dates, got 101"),
    ],
)
def test_what_is_no_list_of_dates_is_refused(pipeline, source, null_dates, message):
    with pytest.raises(InvalidRequest, match=message):
        pipeline.ingest("run-1", {"source": source, "null_dates": null_dates})
