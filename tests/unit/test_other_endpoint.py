"""A deployment to another implementation of AWS's services: nothing of it goes to AWS."""

from pathlib import Path
from typing import Any

import pytest

from local.quickstart.aws.account import Account, Identity
from local.quickstart.aws.api_address import reachable
from local.quickstart.aws.caller import Caller
from local.quickstart.aws.prerequisites import Target
from local.quickstart.aws.stage_deployment import StageDeployment
from local.quickstart.machine import cdk
from local.quickstart.machine.workspace import Workspace

ENDPOINT = "http://127.0.0.1:4690"
ON_AWS = "https://a1b2.execute-api.eu-west-1.amazonaws.com/dev/"
AT_ENDPOINT = f"{ENDPOINT}/_aws/execute-api/a1b2/dev/"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "REGION": "eu-west-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.mark.parametrize(
    "service", ["apigateway", "cloudformation", "iam", "lambda", "s3", "ssm", "stepfunctions", "sts"]
)
def test_every_client_asks_the_endpoint(service: str):
    client = Account(endpoint=ENDPOINT).client(service)

    assert client.meta.endpoint_url == ENDPOINT


@pytest.mark.parametrize(
    ("url", "endpoint", "reached"),
    [
        (ON_AWS, ENDPOINT, AT_ENDPOINT),
        (ON_AWS, f"{ENDPOINT}/", AT_ENDPOINT),
        (ON_AWS, None, ON_AWS),
        ("https://a1.execute-api.cn-north-1.amazonaws.com.cn/prod/", ENDPOINT, f"{ENDPOINT}/_aws/execute-api/a1/prod/"),
        ("https://vouchers.example.com/", ENDPOINT, "https://vouchers.example.com/"),
        ("https://a1.execute-api.localhost:4630/dev/", ENDPOINT, "https://a1.execute-api.localhost:4630/dev/"),
    ],
)
def test_an_api_with_an_address_of_aws_is_asked_at_the_endpoint(url: str, endpoint: str | None, reached: str):
    assert reachable(url, endpoint) == reached


def test_the_cdk_and_the_smoke_test_ask_the_endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    environments: list[dict[str, str]] = []

    def deploy(_assembly: Path, _outputs: Path, _log: Path, environment: dict[str, str]) -> dict[str, Any]:
        environments.append(environment)
        return {"ApiUrl": ON_AWS}

    monkeypatch.setattr(cdk, "deploy", deploy)
    account = Account(endpoint=ENDPOINT)
    target = Target(Identity("000000000000", "arn:aws:iam::000000000000:root"), "eu-west-1", 33)

    outputs = StageDeployment(Workspace(tmp_path, 4566), account, target, "dev", {}).deploy()

    assert {environments[0][name] for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")} == {ENDPOINT}
    assert Caller(account, outputs, "none").url == AT_ENDPOINT
