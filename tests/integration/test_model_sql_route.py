"""`GET /model.sql`: the served model as a query that answers as the API."""

from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from tests.integration.conftest import Api, Pipeline
from tests.lookup_requests import SEED_REQUEST

ANSWERED = ("customer_id", "country_code", "segment_name", "segment", "voucher_amount", "basis", "support", "share")


def in_duckdb(query: str, **customer: Any) -> dict[str, Any]:
    """Return the row of a customer's answer, without what is null."""
    columns = ", ".join(
        f"CAST(? AS TIMESTAMP) AS {name}" if name.endswith("_ts") else f"? AS {name}" for name in customer
    )
    with duckdb.connect() as database:
        database.execute(f"CREATE TABLE customers AS SELECT {columns}", [*customer.values()])
        found = database.execute(query)
        return {
            name: cell for (name, *_), cell in zip(found.description, found.fetchone(), strict=True) if cell is not None
        }


def test_the_query_answers_as_the_api(version: str, api: Api):
    answer = api("GET", "/model.sql?dialect=duckdb")

    looked_up = api.lookup(**SEED_REQUEST).json
    assert answer.headers["Content-Type"] == "application/sql; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="model-{version}-duckdb.sql"'
    assert in_duckdb(answer.text, **SEED_REQUEST) == {name: looked_up[name] for name in ANSWERED}
    assert in_duckdb(answer.text, **SEED_REQUEST | {"country_code": "Chile"})["problem"] == "unknown_country"


def test_customers_are_asked_with_the_fallback_of_the_stage_or_of_the_query(version: str, environment):
    environment.setenv("FALLBACK", "country")
    environment.setenv("LEAST_SUPPORT", "5")
    api = Api()

    for query, asked in (
        ("", {}),
        ("&least_support=4", {"least_support": 4}),
        ("&fallback=none", {"fallback": "none"}),
        ("&fallback=country&least_support=1000", {"least_support": 1000}),
    ):
        row = in_duckdb(api("GET", f"/model.sql?dialect=duckdb{query}").text, **SEED_REQUEST)
        expected = api.lookup(**SEED_REQUEST, **asked).json
        assert (row.get("basis"), row.get("problem")) == (expected.get("basis"), expected.get("code"))


def test_a_kept_version_can_be_taken_and_a_client_that_has_the_query_does_not_get_it_again(
    version: str, pipeline: Pipeline, api: Api
):
    first = api("GET", "/model.sql?dialect=sqlite")
    pipeline.remodel("run-2", datetime.now(UTC), cur_date="2018-10-01")

    kept = api("GET", f"/model.sql?dialect=sqlite&version={version}", If_None_Match=first.headers["ETag"])
    newer = api("GET", "/model.sql?dialect=sqlite", If_None_Match=first.headers["ETag"])

    assert (kept.status, newer.status) == (304, 200)
    assert ("CUR_DATE 2018-09-15" in first.text, "CUR_DATE 2018-10-01" in newer.text) == (True, True)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {"dialect": "expected one of duckdb, postgres, sqlite, mysql, athena, snowflake, bigquery, got 'None'"}),
        (
            "?dialect=oracle",
            {"dialect": "expected one of duckdb, postgres, sqlite, mysql, athena, snowflake, bigquery, got 'oracle'"},
        ),
        ("?dialect=mysql&least_support=0", {"least_support": "expected a whole number of at least 1, got 0"}),
    ],
)
def test_an_invalid_query_is_refused_with_its_fields(version: str, api: Api, query: str, fields: dict[str, str]):
    answer = api("GET", f"/model.sql{query}")

    assert (answer.status, answer.json["code"]) == (422, "invalid_request")
    assert {error["field"]: error["detail"] for error in answer.json["errors"]} == fields
