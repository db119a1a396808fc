"""From `./quickstart run` to HTTPS lookups, on the real stack in a real emulator."""

import json
import time
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from local.quickstart.proof.reference import answer
from tests.histories import GOOD_ROW, history, parquet_bytes
from tests.lookup_requests import SEED_REQUEST
from tests.product import Product


def fates(last_run: dict[str, Any]) -> dict[str, int]:
    rows = last_run["rows"]
    return rows["rejected"] | {"other_country": rows["other_country"], "kept": rows["kept"]}


@pytest.fixture
def served(product: Product, sample: Path) -> Product:
    """The product with the model of the sample, whatever was run before."""
    if product.request("GET", "health").json()["model"]["cur_date"] != "2018-09-15":
        product.run("--source", str(sample))
    return product


def test_every_count_of_every_segment_is_the_reference_s(product: Product, sample: Path):
    fate, amounts = answer(pq.read_table(sample), "Peru", date(2018, 9, 15))

    product.run("--source", str(sample))
    last_run = product.status()["last_run"]

    assert {name: count for name, count in fates(last_run).items() if count} == dict(fate)
    assert (last_run["status"], last_run["rows"]["rows_read"]) == ("SUCCEEDED", 20_000)
    assert {state["name"] for state in last_run["states"]} == {"Ingest", "CleanShards", "Model"}
    assert product.served_amounts() == amounts


def test_the_seed_s_request_is_answered_over_https(served: Product, sample: Path):
    _, amounts = answer(pq.read_table(sample), "Peru", date(2018, 9, 15))
    expected = max(amounts["recency_segment", "121-180"].items(), key=lambda entry: (entry[1], -entry[0]))

    found = served.lookup(**SEED_REQUEST)

    assert served.status_once["api_url"] == f"https://localhost:{served.port}/_aws/execute-api/voucher/local/"
    assert found.status_code == 200
    told = found.json()
    assert (told["voucher_amount"], told["segment"], told["customer_id"]) == (expected[0], "121-180", 123)
    assert told["support"] == sum(amounts["recency_segment", "121-180"].values())
    assert told["share"] == pytest.approx(expected[1] / told["support"])


def test_another_country_and_date_give_other_answers(served: Product, sample: Path):
    fate, amounts = answer(pq.read_table(sample), "Latvia", date(2018, 8, 1))

    served.run("--source", str(sample), "--country", "Latvia", "--cur-date", "2018-08-01")

    assert {name: count for name, count in fates(served.status()["last_run"]).items() if count} == dict(fate)
    assert served.served_amounts() == amounts
    assert served.lookup(**SEED_REQUEST | {"country_code": "Latvia"}).json()["segment"] == "61-90"
    assert served.lookup(**SEED_REQUEST).json()["code"] == "unknown_country"


def test_a_folder_is_a_history_too(served: Product, sample: Path, tmp_path: Path):
    table = pq.read_table(sample)
    (tmp_path / "history").mkdir()
    for number in range(3):
        part = table.slice(number * 7000, 7000)
        (tmp_path / "history" / f"part-{number}.parquet").write_bytes(parquet_bytes(part, row_group_size=2000))
    _, amounts = answer(table, "Peru", date(2018, 9, 15))

    served.run("--source", str(tmp_path / "history"))

    assert served.served_amounts() == amounts


def damaged_page() -> bytes:
    content = bytearray(parquet_bytes(history(*[GOOD_ROW] * 50), compression="gzip"))
    content[4:60] = b"\xff" * 56
    return bytes(content)


BAD_FILES = {
    "no parquet": (b"no parquet at all", "Ingest", "NotParquet", "cannot be read as parquet"),
    "zero bytes": (b"", "Ingest", "EmptySource", "is empty: 0 bytes"),
    "a missing column": (
        parquet_bytes(history({}).drop_columns(["voucher_amount"])),
        "Ingest",
        "WrongSchema",
        "column 'voucher_amount' is missing",
    ),
    "another country": (
        parquet_bytes(history({"country_code": "Chile"})),
        "Model",
        "NothingKept",
        "none among the 1 rows",
    ),
    "a damaged page": (damaged_page(), "Model", "ShardsIncomplete", "is damaged"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_run_that_fails_names_its_cause_and_leaves_the_model(served: Product, tmp_path: Path, case: str):
    content, state, error, message = BAD_FILES[case]
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(content)
    before = served.request("GET", "health").json()["model"]["version"]

    done = served.quickstart("run", "-d", "--source", str(bad))

    assert done.returncode == 1
    assert f"the run failed in {state} with {error}: " in done.stderr
    assert message in done.stderr
    last_run = served.status()["last_run"]
    assert (last_run["status"], last_run["error"]) == ("FAILED", error)
    assert served.request("GET", "health").json()["model"]["version"] == before


BAD_INPUTS = {
    "an unknown key": ({"source": "s3://bucket/k", "country": "Peru"}, "country: Extra inputs are not permitted"),
    "a bad date": ({"source": "s3://bucket/k", "cur_date": "2018-02-30"}, "expected a date like 2018-09-15"),
    "no object": ({"source": "s3://{bucket}/uploads/none.parquet"}, "there is no object and no folder at"),
    "a bucket that does not exist": ({"source": "s3://nowhere-at-all/x.parquet"}, "s3://nowhere-at-all/x.parquet"),
}


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_an_execution_with_a_bad_input_fails_and_is_recorded(served: Product, case: str):
    request, message = BAD_INPUTS[case]
    bucket = served.status_once["bucket"]
    request = json.loads(json.dumps(request).replace("{bucket}", bucket))
    step_functions = served.client("stepfunctions")
    started = step_functions.start_execution(
        stateMachineArn=served.status_once["state_machine_arn"], input=json.dumps(request)
    )

    deadline = time.monotonic() + 60
    while (found := step_functions.describe_execution(executionArn=started["executionArn"]))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.2)

    assert found["status"] == "FAILED"
    assert message in json.loads(found["cause"])["errorMessage"]
    run_id = started["executionArn"].rpartition(":")[2]
    recorded = served.client("s3").get_object(Bucket=bucket, Key=f"runs/run_id={run_id}/run.json")["Body"].read()
    told = json.loads(recorded)
    assert (told["status"], told["error"]) == ("failed", found["error"])
    assert message in json.dumps(told["cause"])


def test_bad_lookups_are_problems_through_the_gateway_too(served: Product):
    refused = served.lookup(**SEED_REQUEST | {"total_orders": 4.5})
    assert (refused.status_code, refused.headers["Content-Type"]) == (422, "application/problem+json")
    assert [error["field"] for error in refused.json()["errors"]] == ["total_orders"]
    assert served.request("POST", "voucher", content="{").status_code == 415
    assert served.request("GET", "nothing").json()["code"] == "not_found"


def test_the_pages_work_below_the_stage_s_prefix(served: Product):
    form = {name: str(value) for name, value in SEED_REQUEST.items()}

    empty = served.request("GET", "search_voucher", headers={"Accept": "text/html"})
    answered = served.request("POST", "search_voucher", data=form)

    assert 'action="search_voucher#result"' in empty.text
    assert answered.status_code == 200
    assert "is the amount used most in segment <strong>121-180</strong>" in answered.text


def test_functions_log_what_they_did(served: Product):
    logged = served.quickstart("logs", "model").stdout

    assert '"message":"published"' in logged


def test_a_mistaken_command_says_what_is_wrong(served: Product, tmp_path: Path):
    assert "there is no file or folder" in served.quickstart("run", "--source", str(tmp_path / "none")).stderr
    assert "not yesterday" in served.quickstart("run", "--cur-date", "yesterday").stderr
    assert "not 'ftp://host/x'" in served.quickstart("run", "--source", "ftp://host/x").stderr


def test_a_port_in_use_is_told_before_anything_is_started(served: Product, tmp_path: Path):
    other = Product(tmp_path, served.port)

    done = other.quickstart("run", "-d")

    assert done.returncode == 1
    assert f"port {served.port} is in use by another program" in done.stderr
    assert other.quickstart("status").returncode == 1
