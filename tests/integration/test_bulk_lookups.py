"""`POST /vouchers`: every customer of a list is answered, in order and from one model."""

import json
from typing import Any

import pytest

from tests.environment import BUCKET
from tests.histories import history, parquet_bytes
from tests.integration.conftest import Answer, Api, Pipeline
from tests.moto_states import made_once

ONE = {"customer_id": 1, "country_code": "Peru", "segment_name": "frequent_segment", "total_orders": 5}


@pytest.fixture
@made_once
def version(put, pipeline: Pipeline) -> str:
    """A published model with one assignment, of 4400 to a customer with 5 orders."""
    rows = history({"total_orders": "5", "last_order_ts": "", "voucher_amount": 4400.0})
    source = put("uploads/history.parquet", parquet_bytes(rows))
    return pipeline.run("run-1", {"source": source})["version"]


def bulk(api: Api, body: Any) -> Answer:
    return api("POST", "/vouchers", json.dumps(body), Content_Type="application/json")


def test_every_customer_is_answered_in_order(version: str, api: Api):
    customers = [ONE | {"customer_id": number} for number in range(1_000)]

    answer = bulk(api, {"customers": customers})

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json["model"] == {"version": version, "cur_date": "2018-09-15"}
    assert [entry["customer_id"] for entry in answer.json["vouchers"]] == list(range(1_000))


def test_an_entry_is_the_answer_to_the_one_customer(version: str, api: Api):
    single = api.lookup(**ONE).json

    (entry,) = bulk(api, {"customers": [ONE]}).json["vouchers"]

    assert entry | {"model": single["model"]} == single


PROBLEMS = {
    "another country": (ONE | {"country_code": "Chile"}, 404, "unknown_country", 1),
    "no assignment in the segment": (ONE | {"total_orders": 1}, 404, "no_support", 1),
    "12 days": (ONE | {"segment_name": "recency_segment", "last_order_ts": "2018-09-03"}, 404, "no_segment", 1),
    "half an order": (ONE | {"total_orders": 4.5}, 422, "invalid_request", 1),
    "an identity that is a list": (ONE | {"customer_id": [1]}, 422, "invalid_request", None),
    "an identity that is a truth": (ONE | {"customer_id": True}, 422, "invalid_request", None),
    "no object": ("Peru", 422, "invalid_request", None),
    "nothing": (None, 422, "invalid_request", None),
}


@pytest.mark.parametrize("case", PROBLEMS)
def test_a_problem_is_that_of_the_one_customer_and_leaves_the_others(version: str, api: Api, case: str):
    customer, status, code, customer_id = PROBLEMS[case]

    before, entry, after = bulk(api, {"customers": [ONE, customer, ONE]}).json["vouchers"]
    alone = api("POST", "/voucher", json.dumps(customer), Content_Type="application/json").json

    assert (entry["problem"]["status"], entry["problem"]["code"]) == (status, code)
    assert entry["problem"] == {name: value for name, value in alone.items() if name not in {"type", "title"}}
    assert entry["customer_id"] == customer_id
    assert before == after == {name: value for name, value in api.lookup(**ONE).json.items() if name != "model"}


def test_each_customer_may_name_a_fallback(version: str, api: Api):
    nobodys = ONE | {"total_orders": 1}

    entries = bulk(
        api,
        {
            "customers": [
                nobodys,
                nobodys | {"fallback": "country"},
                ONE | {"fallback": "country", "least_support": 2},
                ONE | {"least_support": 2},
            ]
        },
    ).json["vouchers"]

    assert [entry.get("basis") or entry["problem"]["code"] for entry in entries] == [
        *("no_support", "country", "no_support", "segment")
    ]


def test_the_fallback_of_the_stage_is_that_of_customers_who_name_none(version: str, environment):
    environment.setenv("FALLBACK", "country")
    customers = [ONE | {"total_orders": 1}, ONE | {"total_orders": 1, "fallback": "none"}]

    entries = bulk(Api(), {"customers": customers}).json["vouchers"]

    assert (entries[0]["basis"], entries[0]["segment"]) == ("country", "1-4")
    assert entries[1]["problem"]["code"] == "no_support"


REFUSED = {
    "1,001 customers": ({"customers": [ONE] * 1_001}, "customers", "1 to 1,000 customers, got 1,001"),
    "no customers": ({"customers": []}, "customers", "1 to 1,000 customers, got 0"),
    "customers that are no list": ({"customers": ONE}, "customers", "a list of 1 to 1,000 customers"),
    "no list of customers": ({}, "customers", "a list of 1 to 1,000 customers"),
    "a list without its name": ([ONE], "", "an object with a list of customers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_request_that_is_no_list_of_at_most_a_thousand_is_refused(version: str, api: Api, case: str):
    body, field, detail = REFUSED[case]

    answer = bulk(api, body)

    assert (answer.status, answer.json["code"]) == (422, "invalid_request")
    (error,) = answer.json["errors"]
    assert error["field"] == field
    assert detail in error["detail"]


def test_a_body_that_is_no_json_is_refused_as_for_one_customer(version: str, api: Api):
    assert api("POST", "/vouchers", "{", Content_Type="application/json").json["code"] == "malformed_json"
    assert api("POST", "/vouchers", "{}", Content_Type="text/plain").json["code"] == "unsupported_media_type"


def test_before_the_first_model_nobody_is_answered(api: Api):
    answer = bulk(api, {"customers": [ONE]})

    assert (answer.status, answer.json["code"], answer.headers["Retry-After"]) == (503, "no_model", "5")


def test_the_amounts_that_were_selected_are_counted(version: str, api: Api, capsys):
    bulk(api, {"customers": [ONE, ONE, ONE | {"country_code": "Chile"}]})

    assert '"VouchersSelected":[2.0]' in capsys.readouterr().out


def test_a_model_that_is_published_meanwhile_is_not_mixed_in(version: str, api: Api, pipeline: Pipeline, monkeypatch):
    # Given a newer model whose amount differs, published while the customers are being answered
    parse = api.handler.customers_of

    def publish_then_parse(body: object) -> list[object]:
        rows = history({"total_orders": "5", "last_order_ts": "", "voucher_amount": 1.5})
        pipeline.lake.client.put_object(Bucket=BUCKET, Key="uploads/newer.parquet", Body=parquet_bytes(rows))
        pipeline.run("run-2", {"source": f"s3://{BUCKET}/uploads/newer.parquet"})
        return parse(body)

    monkeypatch.setattr(api.handler, "customers_of", publish_then_parse)
    answer = bulk(api, {"customers": [ONE, ONE]}).json

    # Then all of the answer is of the model that was served when it was asked for
    assert answer["model"]["version"] == version
    assert {entry["voucher_amount"] for entry in answer["vouchers"]} == {4400.0}
