"""Counts that an older version wrote, by other keys: nothing is built on them, and what they are behind is served."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.environment import BUCKET, TABLE
from tests.integration.conftest import Api, Pipeline, ask_what_if, forget_the_ledger, read_json
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.stores import dynamodb_client
from voucher_selection.domain import errors

TWO_TABLES = {
    "objects": [{"size": 1, "sha256": "x"}, {"size": 2, "sha256": "y"}],
    "rows": {"total_orders": 6, "days_since_last_order": 4},
}


def of_two_tables(ledger: dict[str, Any]) -> dict[str, Any]:
    return ledger | {"counts": TWO_TABLES}


def without_a_record(ledger: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in ledger.items() if name != "counts"}


def of_fewer_measures(ledger: dict[str, Any]) -> dict[str, Any]:
    return ledger | {"counts": ledger["counts"] | {"rows": {"total_orders": 6}}}


FORMS = {of_two_tables: "the days of assignment", without_a_record: "the days of assignment"} | {
    of_fewer_measures: "some measures"
}


@pytest.fixture
def source(put, lake: Lake) -> str:
    """A history like that which is counted, under another name."""
    return put(
        "uploads/more.parquet", lake.client.get_object(Bucket=BUCKET, Key="uploads/history.parquet")["Body"].read()
    )


@pytest.mark.parametrize(("form", "lacks"), FORMS.items())
def test_counts_of_an_older_version_are_not_built_on_and_it_says_what_to_do(
    version: str, source: str, pipeline: Pipeline, api: Api, form: Callable[..., Any], lacks: str
):
    make_older(pipeline.lake, form)
    before = api.lookup(country_code="Peru", segment_name="frequent_segment", total_orders=3)
    acts = (
        lambda: pipeline.append("more", source),
        lambda: pipeline.sum_up("again", {"mode": "remodel"}),
        lambda: pipeline.sum_up("named", {"mode": "remodel", "run_id": "run-1"}),
        lambda: ask_what_if(cur_date="2018-10-01"),
    )

    for act in acts:
        with pytest.raises(
            errors.OldCounts, match=rf"the counts of run 'run-1' .* lack {lacks}: run the whole history"
        ):
            act()

    assert before.json["model"]["version"] == version
    assert api.lookup(country_code="Peru", segment_name="frequent_segment", total_orders=3).json == before.json
    assert pipeline.run("whole", {"source": source})["published"]
    assert pipeline.sum_up("after", {"mode": "remodel"})["published"]


def test_counts_that_lie_where_an_older_version_kept_them_are_built_on(
    version: str, source: str, pipeline: Pipeline, lake: Lake
):
    keys = RunKeys("run-1")
    counts = lake.client.get_object(Bucket=BUCKET, Key=keys.merged_counts)["Body"].read()
    lake.client.put_object(Bucket=BUCKET, Key="production/run_id=run-1/counts.parquet", Body=counts)
    lake.client.delete_object(Bucket=BUCKET, Key=keys.merged_counts)
    make_older(lake, lambda ledger: {name: value for name, value in ledger.items() if name != "counts_key"})

    assert ask_what_if(cur_date="2018-10-01")["segments"]
    assert pipeline.sum_up("again", {"mode": "remodel"})["published"]
    more = pipeline.append("more", source)
    assert more["base_run_id"] == "run-1"
    assert read_json(lake, RunKeys("more").ledger)["counts_key"] == "production/run_id=more/counts/counts.parquet"
    assert pipeline.sum_up("after", {"mode": "remodel"})["published"]


def make_older(lake: Lake, form: Callable[..., Any]) -> None:
    key = RunKeys("run-1").ledger
    lake.client.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(form(read_json(lake, key))))
    forget_the_ledger(Catalog(TABLE, dynamodb_client()))
