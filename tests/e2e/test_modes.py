"""Append and remodel on the real stack: what they serve is what a full run over the same history serves."""

import io
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.quickstart.proof.reference import Amounts, answer
from tests.customers import case
from tests.histories import parquet_bytes
from tests.product import Product

CUR_DATE = date(2018, 9, 15)


@pytest.fixture(scope="module")
def up(product: Product, sample: Path) -> Iterator[Product]:
    """The product, which serves the sample again for the tests that follow."""
    yield product
    product.run("--source", str(sample))


@pytest.fixture(scope="module")
def table(sample: Path) -> pa.Table:
    return pq.read_table(sample)


def served_amounts(product: Product) -> Amounts:
    """Return what the API answers once it serves the version that was published last."""
    pointer = product.client("dynamodb").get_item(
        TableName=product.status_once["table"], Key={"pk": {"S": "MODEL"}, "sk": {"S": "SERVED"}}
    )
    published = pointer["Item"]["version"]["S"]
    deadline = time.monotonic() + 60
    while product.request("GET", "selection_criteria").json()["model"]["version"] != published:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return product.served_amounts()


def upload(product: Product, key: str, table: pa.Table, **options: Any) -> str:
    bucket = product.status_once["bucket"]
    product.client("s3").put_object(Bucket=bucket, Key=key, Body=parquet_bytes(table, **options))
    return f"s3://{bucket}/{key}"


def start(product: Product, request: Any) -> str:
    machine = product.status_once["state_machine_arn"]
    started = product.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(request))
    return started["executionArn"]


def ended(product: Product, execution: str) -> dict[str, Any]:
    step_functions = product.client("stepfunctions")
    deadline = time.monotonic() + 240
    while (found := step_functions.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def execute(product: Product, **request: Any) -> dict[str, Any]:
    """Run the state machine and return the result of an execution that has to succeed."""
    found = ended(product, start(product, request))
    assert found["status"] == "SUCCEEDED", found
    return json.loads(found["output"])


def test_history_appended_from_the_command_line_counts_as_if_it_had_been_there(
    up: Product, table: pa.Table, tmp_path: Path
):
    folder = tmp_path / "days"
    folder.mkdir()
    (folder / "1.parquet").write_bytes(parquet_bytes(table.slice(0, 9_000)))
    up.run("--source", str(folder))
    (folder / "2.parquet").write_bytes(parquet_bytes(table.slice(9_000)))

    first = up.run("--append", "--overlap", "add", "--source", str(folder))
    second = up.run("--append", "--overlap", "add", "--source", str(folder))

    assert "11,000 rows read" in first.stdout
    assert "Files counted before: 1" in first.stdout
    assert "nothing new to publish" in second.stdout
    assert served_amounts(up) == answer(table, "Peru", CUR_DATE)[1]


def test_two_appends_at_once_are_both_counted(up: Product, table: pa.Table):
    base, *days = (upload(up, f"uploads/e2e/{n}.parquet", table.slice(n * 7_000, 7_000)) for n in range(3))
    execute(up, source=base)

    executions = [start(up, {"mode": "append", "source": day, "overlap": "add"}) for day in days]
    results = [ended(up, execution) for execution in executions]

    assert [result["status"] for result in results] == ["SUCCEEDED", "SUCCEEDED"]
    assert all(json.loads(result["output"])["published"] for result in results)
    assert served_amounts(up) == answer(table, "Peru", CUR_DATE)[1]


def test_a_remodel_serves_what_a_full_run_for_its_date_would(up: Product, sample: Path, table: pa.Table):
    up.run("--source", str(sample))

    done = up.quickstart("remodel", "--cur-date", "2018-08-01")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Model:" in done.stdout
    assert "Ingest:" not in done.stdout
    assert served_amounts(up) == answer(table, "Peru", date(2018, 8, 1))[1]


def test_a_what_if_shows_the_change_and_serves_what_was_served(up: Product, tmp_path: Path):
    before = up.request("GET", "health").json()["model"]["version"]
    ranges = [{"name": "few", "lower": 0, "upper": 3}, {"name": "many", "lower": 4, "upper": None}]
    own = {"name": "loyalty", "measure": "total_orders", "segments": ranges, "outside": None}
    (tmp_path / "own.json").write_text(json.dumps({"segmentations": [own]}))

    done = up.quickstart("remodel", "--what-if", "--segments", str(tmp_path / "own.json"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Published nothing" in done.stdout
    assert "loyalty" in done.stdout
    assert up.request("GET", "health").json()["model"]["version"] == before


def test_customers_get_the_amounts_that_the_api_answers(up: Product, tmp_path: Path):
    before = up.request("GET", "health").json()["model"]["version"]
    names = ("frequent_segment", "recency_segment")
    cases = [case(total_orders=str(n), segment_name=name) for n in range(0, 40, 5) for name in names]
    cases += [case(country_code="Chile"), case(total_orders="many")]
    table = pa.Table.from_pylist([{"customer_id": n} | row for n, row in enumerate(cases)])
    (tmp_path / "customers.parquet").write_bytes(parquet_bytes(table, row_group_size=5))

    done = up.quickstart("assign", "--customers", str(tmp_path / "customers.parquet"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "18 customers" in done.stdout
    s3, bucket = up.client("s3"), up.status_once["bucket"]
    folder = f"assigned/run_id={up.status()['last_run']['run_id']}/vouchers/"
    (found,) = s3.list_objects_v2(Bucket=bucket, Prefix=folder)["Contents"]
    written = pq.read_table(io.BytesIO(s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read())).to_pylist()
    answers = up.request("POST", "vouchers", json={"customers": cases}).json()["vouchers"]
    assert [(row["voucher_amount"], row["problem"]) for row in written] == [
        (entry.get("voucher_amount"), entry.get("problem", {}).get("code")) for entry in answers
    ]
    assert up.request("GET", "health").json()["model"]["version"] == before


def test_a_history_of_several_groups_of_shards_is_counted_whole(up: Product, table: pa.Table):
    functions = up.client("lambda")
    (ingest,) = (
        function for function in functions.list_functions()["Functions"] if "Ingest" in function["FunctionName"]
    )
    variables = ingest["Environment"]["Variables"]
    source = upload(up, "uploads/e2e/many.parquet", table, row_group_size=500)

    def configure(**settings: str) -> None:
        name = ingest["FunctionName"]
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables | settings})
        functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

    configure(SHARD_TARGET_ROWS="500", SHARDS_PER_MERGE="15")
    try:
        result = execute(up, source=source)
    finally:
        configure()

    run = up.request("GET", f"executions/{result['run_id']}", headers=up.key).json()
    assert [state["name"] for state in run["states"]] == ["Ingest", "CleanShards", "MergeShards", "Model"]
    assert (run["shards_done"], run["groups_done"], run["groups"]) == (40, 3, 3)
    assert (result["shards"], result["rows"]["rows_read"]) == (40, 20_000)
    assert served_amounts(up) == answer(table, "Peru", CUR_DATE)[1]


def test_hundreds_of_drops_with_repetitions_and_broken_ones_count_once_in_few_runs(up: Product, table: pa.Table):
    """Each file has days of its own: what comes again would be held back if it did not count once."""
    chance, base = random.Random(15), table.slice(0, 5_000)
    execute(up, source=upload(up, "uploads/e2e/base.parquet", base))
    parts = {f"e2e/{n}.parquet": on_a_day_of_its_own(table.slice(5_000 + n * 20, 20), n) for n in range(120)}
    sound = {name: parquet_bytes(part) for name, part in parts.items()}
    broken = {f"e2e/broken-{n}.parquet": (b"", b"no parquet")[n % 2] for n in range(10)}
    drops = [*sound.items(), *broken.items()]
    drops += chance.choices(drops, k=70)
    chance.shuffle(drops)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda named: drop(up, *named), drops))
    statuses = Counter(status_of(up, name) for name in {*sound, *broken})

    assert statuses["counted"] + statuses["counted_before"] == len(sound)
    assert statuses["refused"] == len(broken)
    step_functions, machine = up.client("stepfunctions"), up.status_once["state_machine_arn"]
    runs = step_functions.list_executions(stateMachineArn=machine)["executions"]
    assert 1 <= sum(run["name"].startswith("inbox-") for run in runs) <= 12
    assert served_amounts(up) == answer(pa.concat_tables([base, *parts.values()]), "Peru", CUR_DATE)[1]


def on_a_day_of_its_own(part: pa.Table, day: int) -> pa.Table:
    """Return rows whose vouchers were given on the day of this number, which the sample does not have."""
    given = pa.array([f"{date(2016, 1, 1) + timedelta(days=day)} 12:00:00"] * part.num_rows)
    return part.set_column(part.schema.get_field_index("timestamp"), "timestamp", given)


def drop(product: Product, name: str, content: bytes) -> None:
    product.client("s3").put_object(Bucket=product.status_once["bucket"], Key=f"inbox/{name}", Body=content)


def status_of(product: Product, name: str) -> str:
    """Return what became of a drop, once that is known and no run of the inbox works."""
    s3, dynamodb, deadline = product.client("s3"), product.client("dynamodb"), time.monotonic() + 120
    result = {"Bucket": product.status_once["bucket"], "Key": f"inbox-results/{name}.json"}
    lease = {"TableName": product.status_once["table"], "Key": {"pk": {"S": "INBOX"}, "sk": {"S": "LEASE"}}}
    while time.monotonic() < deadline:
        with suppress(s3.exceptions.NoSuchKey):
            content = s3.get_object(**result)["Body"].read()
            if "run_id" not in dynamodb.get_item(**lease)["Item"]:
                return json.loads(content)["status"]
        time.sleep(0.5)
    raise AssertionError(f"nothing is known of {name}")


def test_a_file_dropped_from_the_command_line_finds_what_became_of_it(up: Product, table: pa.Table, tmp_path: Path):
    (tmp_path / "sound.parquet").write_bytes(parquet_bytes(on_a_day_of_its_own(table.slice(0, 50), 400)))
    (tmp_path / "broken.parquet").write_bytes(b"no parquet")

    done = up.quickstart("drop", str(tmp_path / "sound.parquet"))
    broken = up.quickstart("drop", str(tmp_path / "broken.parquet"), "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "sound.parquet: counted (run inbox-" in done.stdout
    assert "Its 50 rows are counted." in done.stdout
    assert broken.returncode == 1
    assert [result["error"] for result in json.loads(broken.stdout)["results"]] == ["NotParquet"]


@pytest.mark.parametrize("request_", ["remodel", ["remodel"], 5, None, {"mode": 5}, {"mode": "assign"}])
def test_an_input_of_no_known_mode_is_refused_by_ingest(up: Product, request_: Any):
    found = ended(up, start(up, request_))

    assert (found["status"], found["error"]) == ("FAILED", "InvalidRequest")


def test_a_run_without_counts_is_named(up: Product):
    found = ended(up, start(up, {"mode": "remodel", "run_id": "none"}))

    assert (found["status"], found["error"]) == ("FAILED", "NoCounts")
    assert "run 'none' left no counts" in found["cause"]
