"""The machine of whoever runs it: what a web page and other users get of the running product."""

import json
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from tests.e2e.test_faults import emulator_of
from tests.lookup_requests import SEED_REQUEST
from tests.product import Product

REGION = "us-east-1"
TEMPLATE = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
IMAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture(scope="module")
def up(product: Product, sample: Path) -> Product:
    if not product.status()["running"]:
        product.run("--source", str(sample))
    return product


def forged(product: Product, query: dict[str, str], **options: Any) -> httpx.Response:
    return httpx.get(f"{product.status_once['endpoint_url']}/", params=query, **options)


@pytest.mark.parametrize("headers", [{}, IMAGE, LINK], ids=["program", "image", "link"])
def test_a_page_cannot_make_a_stack_or_reach_the_product_s_topics(up: Product, headers: dict[str, str]):
    stacks = up.client("cloudformation").list_stacks()["StackSummaries"]
    topic = up.client("sns").list_topics()["Topics"][0]["TopicArn"]
    queries = (
        {"Action": "CreateStack", "Version": "2010-05-15", "StackName": "forged", "TemplateBody": TEMPLATE},
        {"Action": "Publish", "Version": "2010-03-31", "TopicArn": topic, "Message": "forged"},
    )

    assert [forged(up, query, headers=headers).status_code for query in queries] == [403, 403]
    assert up.client("cloudformation").list_stacks()["StackSummaries"] == stacks


def test_a_page_under_another_name_reads_neither_the_bucket_nor_the_model(up: Product):
    address, bucket = up.status_once["endpoint_url"], up.status_once["bucket"]
    for path in (f"/{bucket}?list-type=2", "/_aws/execute-api/voucher/local/model", "/_localstack/health"):
        assert httpx.get(address + path, headers={"Host": "rebound.example"}).status_code == 403

    assert httpx.get(f"{address}/{bucket}?list-type=2").status_code == 403


@pytest.mark.parametrize("key", ["test", "__internal_call__"])
def test_a_well_known_key_opens_nothing(up: Product, key: str):
    client = boto3.client(
        "s3",
        endpoint_url=up.status_once["endpoint_url"],
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=key,
    )

    with pytest.raises(client.exceptions.ClientError, match="SignatureDoesNotMatch"):
        client.list_buckets()


def test_a_link_to_a_page_of_the_product_works_and_a_run_from_another_site_does_not(up: Product):
    assert up.request("GET", "search_voucher", headers=LINK).status_code == 200
    assert up.lookup(**SEED_REQUEST).status_code == 200
    assert (
        up.request("POST", "executions", json={"mode": "remodel"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code
        == 403
    )


def test_programs_of_aws_work_after_the_line_that_status_prints(up: Product):
    said = up.quickstart("status").stdout
    (line,) = (line for line in said.splitlines() if line.startswith("export "))
    program = "import boto3; print([bucket['Name'] for bucket in boto3.client('s3').list_buckets()['Buckets']])"

    done = subprocess.run(
        ["bash", "-c", f"{line} && {shlex.join([sys.executable, '-c', program])}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert up.status_once["bucket"] in done.stdout


def test_what_the_product_keeps_on_the_machine_is_its_user_s(up: Product):
    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert mode(up.state) == mode(up.state / "emulator") == 0o700
    assert mode(up.state / "record.json") == mode(up.state / "emulator/credentials") == 0o600


def test_no_process_of_the_emulator_has_settings_of_the_user_s_aws(up: Product):
    emulator = emulator_of(up)
    assert emulator is not None

    assert {name for name in emulator.environ() if name.startswith("AWS_")} <= {"AWS_CA_BUNDLE"}
    for process in emulator.children(recursive=True):
        variables = process.environ()
        assert not {"AWS_PROFILE", "AWS_CONFIG_FILE"} & variables.keys()
        assert up.status_once["secret_access_key"] not in variables.values()
