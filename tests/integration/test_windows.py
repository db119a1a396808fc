"""Windows: a model is made from the days that a run names, or else from those of the served model."""

import json
from datetime import date
from typing import Any

import pytest

from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import SECOND, STARTED, TWO, Pipeline, ask_what_if
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.domain import errors
from voucher_selection.domain.windows import ALL_DAYS, Window

JUNE = {"from": "2018-06-01", "to": "2018-06-30"}


@pytest.fixture(autouse=True)
def few_segments(environment, pipeline: Pipeline) -> None:
    environment.setenv("SEGMENTS", json.dumps(TWO))
    pipeline.reload()


@pytest.fixture
def source(put) -> str:
    """A history of 1 assignment of 31 May, 2 of June's first day, 4 of its last, 8 of 1 July, and 16 without a day."""
    days = {"2018-05-31 23:59:59": 1, "2018-06-01": 2, "2018-06-30 23:59:59": 4, "2018-07-01": 8, None: 16}
    rows = [row for day, count in days.items() for row in repeated(count, timestamp=day)]
    return put("uploads/history.parquet", parquet_bytes(history(*rows)))


@pytest.fixture
def of_june(source: str, pipeline: Pipeline) -> dict[str, Any]:
    return pipeline.run("june", {"source": source, "window": JUNE}, STARTED)


@pytest.fixture
def july(put) -> str:
    """New history: 32 assignments of 2 July, 64 of 15 June."""
    rows = [*repeated(32, timestamp="2018-07-02"), *repeated(64, timestamp="2018-06-15")]
    return put("uploads/july.parquet", parquet_bytes(history(*rows)))


def support(catalog: Catalog) -> int:
    return sum(mode.support for mode in catalog.read(catalog.served_version()).modes)


def window(catalog: Catalog) -> Window:
    return catalog.base().served.window


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        (JUNE, 6),
        ({"from": "2018-06-30"}, 12),
        ({"to": "2018-05-31"}, 1),
        ({"from": "2018-07-01", "to": "2018-07-01"}, 8),
        ({"from": "0001-01-01", "to": "9999-12-31"}, 15),
        ("all", 31),
        ({}, 31),
        (None, 31),
    ],
    ids=str,
)
def test_a_full_run_makes_its_model_from_the_days_of_its_window(
    source: str, pipeline: Pipeline, catalog: Catalog, asked: Any, rows: int
):
    summary = pipeline.run("full", {"source": source, "window": asked}, STARTED)

    assert support(catalog) == rows
    assert summary["rows"]["kept"] == 31, "all days are counted"
    assert window(catalog) == Window.model_validate(asked or {})


def test_a_window_of_the_last_days_ends_with_cur_date_and_slides_with_it(
    source: str, pipeline: Pipeline, catalog: Catalog
):
    request = {"source": source, "window": {"last_days": 2}, "cur_date": "2018-07-01"}
    pipeline.run("full", request, STARTED)
    assert (support(catalog), window(catalog)) == (12, Window(last_days=2))

    summary = pipeline.remodel("night", STARTED + SECOND, cur_date="2018-07-02")

    assert (support(catalog), window(catalog)) == (8, Window(last_days=2))
    assert Window.model_validate(summary["window"]) == Window(last_days=2)


def test_an_append_keeps_the_window_that_is_served(of_june, july: str, pipeline: Pipeline, catalog: Catalog):
    summary = pipeline.append("july", july, STARTED + SECOND)

    assert (support(catalog), window(catalog)) == (6 + 64, Window.model_validate(JUNE))
    assert Window.model_validate(summary["window"]) == Window.model_validate(JUNE)


def test_an_append_may_name_another_window(of_june, july: str, pipeline: Pipeline, catalog: Catalog):
    pipeline.append("july", july, STARTED + SECOND, window={"from": "2018-07-01"})

    assert (support(catalog), window(catalog)) == (8 + 32, Window(first=date(2018, 7, 1)))


@pytest.mark.parametrize(
    ("asked", "rows", "served"),
    [
        ({}, 6, Window.model_validate(JUNE)),
        ({"window": {"from": "2018-06-30"}}, 12, Window(first=date(2018, 6, 30))),
        ({"window": "all"}, 31, ALL_DAYS),
    ],
    ids=["kept", "another", "all"],
)
def test_a_remodel_and_a_what_if_keep_the_window_or_name_another(
    of_june, pipeline: Pipeline, catalog: Catalog, asked: dict[str, Any], rows: int, served: Window
):
    what_if = ask_what_if(**asked)
    pipeline.remodel("again", STARTED + SECOND, **asked)

    assert (support(catalog), window(catalog)) == (rows, served)
    assert sum(segment["support"] for segment in what_if["segments"]) == rows
    assert what_if["model"]["window"] == served.model_dump(mode="json", exclude_none=True)


def test_a_window_without_assignments_is_refused_and_publishes_nothing(
    of_june, source: str, july: str, pipeline: Pipeline, lake: Lake, catalog: Catalog
):
    empty = {"window": {"from": "2019-01-01"}}
    acts = {
        "full": lambda: pipeline.run("full", {"source": source} | empty, STARTED + SECOND),
        "append": lambda: pipeline.append("append", july, STARTED + SECOND, **empty),
        "remodel": lambda: pipeline.remodel("remodel", STARTED + SECOND, **empty),
        "what-if": lambda: ask_what_if(**empty),
    }

    for run_id, act in acts.items():
        with pytest.raises(errors.EmptyWindow, match=r"from 2019-01-01 .*days from 2018-05-31 to 2018-07-0[12]\. Name"):
            act()
        assert not list(lake.list(f"production/run_id={run_id}/")), run_id

    assert [version.version for version in catalog.versions()] == [of_june["version"]]


def test_a_window_of_counts_without_any_day_says_so(put, pipeline: Pipeline):
    undated = put("uploads/undated.parquet", parquet_bytes(history({"timestamp": None})))

    with pytest.raises(errors.EmptyWindow, match="the counts have no days"):
        pipeline.run("undated", {"source": undated, "window": {"last_days": 30}})


def test_a_summary_without_a_window_says_all_days(source: str, pipeline: Pipeline):
    assert Window.model_validate(pipeline.run("full", {"source": source}, STARTED)["window"]) == ALL_DAYS
