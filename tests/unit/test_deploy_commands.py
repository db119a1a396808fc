"""`./quickstart deploy` and `destroy` at a terminal: nothing happens before it was asked for."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from local.quickstart.aws.account import Account, Identity
from local.quickstart.aws.answers import Found
from local.quickstart.aws.prerequisites import Target
from local.quickstart.aws.smoke_test import Passed
from local.quickstart.aws.stack import Resource
from local.quickstart.cli import app
from local.quickstart.commands import deploy
from local.quickstart.settings.starting import Deployed

IDENTITY = Identity("123456789012", "arn:aws:iam::123456789012:user/deployer")
OUTPUTS = {
    "ApiUrl": "https://a1.execute-api.eu-west-1.amazonaws.com/prod/",
    "ApiKeyId": "key-1",
    "BucketName": "lake-1",
    "StateMachineArn": "arn:aws:states:eu-west-1:123456789012:stateMachine:pipeline",
    "FailureTopicArn": "arn:aws:sns:eu-west-1:123456789012:failures",
}
DEPLOYED = Deployed(is_there=True, settings={"alarm_email": "on-call@example.com", "countries": "Latvia,Peru"})
KEPT = [Resource("AWS::S3::Bucket", "lake-1"), Resource("AWS::DynamoDB::Table", "catalog-1")]


def deployment_into(happened: list[str]) -> type:
    """A deployment that only writes down what was done with it."""

    class Deployment:
        def __init__(self, *given: Any) -> None:
            happened.extend(f"{name}={value}" for name, value in given[-1].items())

        def synthesize(self) -> None:
            happened.append("synthesized")

        def differences(self, role: str) -> str:
            happened.append(f"compared as {role}")
            return "[~] AWS::Lambda::Function Functions/Clean"

        def how_far(self) -> None:
            return None

        def deploy(self) -> dict[str, str]:
            happened.append("deployed")
            return OUTPUTS

    return Deployment


def smoke_test_into(happened: list[str]) -> type:
    """A smoke test of prod in Latvia that passes."""

    class SmokeTest:
        def __init__(self, _: Any, outputs: Any, auth: str, country: str) -> None:
            assert (outputs, auth, country) == (OUTPUTS, "api_key", "Latvia")

        def run(self) -> list[Passed]:
            happened.append("tested")
            return [Passed("GET health", "503 no_model")]

    return SmokeTest


def stack_into(happened: list[str]) -> type:
    """A stack that is protected, and keeps its data."""

    class Stack:
        name = "VoucherSelection-prod"
        is_protected = True
        settings = DEPLOYED

        def __init__(self, *_: Any) -> None:
            pass

        def retained(self) -> list[Resource]:
            return KEPT

        def delete(self) -> None:
            happened.append("deleted")

    return Stack


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What was done to an account that is ready, by somebody at a terminal."""
    happened: list[str] = []
    monkeypatch.setattr(deploy, "StageDeployment", deployment_into(happened))
    monkeypatch.setattr(deploy, "SmokeTest", smoke_test_into(happened))
    monkeypatch.setattr(deploy, "Stack", stack_into(happened))
    monkeypatch.setattr(deploy, "deployed_settings", lambda *_: DEPLOYED)
    monkeypatch.setenv("VOUCHER_SELECTION_STATE", str(tmp_path))
    monkeypatch.setattr(deploy, "can_ask", lambda: True)
    monkeypatch.setattr(deploy.prerequisites, "check", lambda _: Target(IDENTITY, "eu-west-1", 21))
    monkeypatch.setattr(deploy.preflight, "check", lambda _: Found(notes=["API Gateway has no role here."]))
    monkeypatch.setattr(deploy.toolchain, "install", lambda *_: None)
    monkeypatch.setattr(Account, "identity", lambda _: IDENTITY)
    monkeypatch.setattr(Account, "region", "eu-west-1")
    return happened


def typed(answer: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], input=f"{answer}\n")


def test_who_says_no_has_seen_the_differences_and_deployed_nothing(done: list[str], capfd: pytest.CaptureFixture[str]):
    ended = typed("n", "deploy", "--stage", "prod", "--set", "countries=Latvia")

    settings = ["alarm_email=on-call@example.com", "countries=Latvia"]
    assert (ended.exit_code, done) == (1, [*settings, "synthesized", "compared as deploy"])
    told = ended.stderr + capfd.readouterr().err
    assert "account 123456789012, region eu-west-1" in told
    assert "[~] AWS::Lambda::Function Functions/Clean" in told
    assert "API Gateway has no role here." in told
    assert re.search(r"countries +Latvia,Peru +Latvia +changes", told.split("Starting from the settings that")[1])
    assert re.search(r"alarm_email +on-call@example.com +on-call@example.com +stays", told)
    assert "Deploy VoucherSelection-prod? [y/N]" in told
    assert "nothing was deployed" in told


def test_who_says_yes_gets_it_deployed_and_tested_and_told_what_comes_next(
    done: list[str], capfd: pytest.CaptureFixture[str]
):
    ended = typed("y", "deploy", "--stage", "prod", "--reset", "alarm_email", "--endpoint", "http://127.0.0.1:9")

    steps = ["countries=Latvia,Peru", "synthesized", "compared as deploy", "deployed", "tested"]
    assert (ended.exit_code, done) == (0, steps)
    told = ended.stdout + capfd.readouterr().out
    assert "GET health: 503 no_model" in told
    reach = "--region eu-west-1 --endpoint-url http://127.0.0.1:9"
    assert f"aws s3 cp vouchers.parquet s3://lake-1/uploads/ {reach}" in told
    assert f"start-execution --state-machine-arn {OUTPUTS['StateMachineArn']}" in told
    assert f"get-api-key --api-key key-1 --include-value --query value --output text {reach}" in told
    assert "./quickstart destroy --stage prod --endpoint http://127.0.0.1:9" in told


def test_a_plan_shows_the_differences_and_the_settings_with_rights_to_read_and_deploys_nothing(
    done: list[str], capfd: pytest.CaptureFixture[str]
):
    ended = typed("", "deploy", "--stage", "prod", "--plan", "--set", "countries=Latvia")

    assert (ended.exit_code, done[-2:]) == (0, ["synthesized", "compared as lookup"])
    told = ended.stderr + capfd.readouterr().err
    assert "[~] AWS::Lambda::Function Functions/Clean" in told
    assert re.search(r"countries +Latvia,Peru +Latvia +changes", told)


def test_a_plan_for_programs_is_one_document(done: list[str], capfd: pytest.CaptureFixture[str]):
    ended = typed("", "deploy", "--stage", "prod", "--plan", "--json")

    found = json.loads(ended.stdout or capfd.readouterr().out)
    assert found["settings"] == DEPLOYED.settings
    assert found["differences"] == "[~] AWS::Lambda::Function Functions/Clean"
    assert found["notes"] == ["API Gateway has no role here."]


def test_what_follows_from_the_account_is_deployed_shown_and_kept(
    done: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(deploy.preflight, "check", lambda _: Found({"api_log_role": "own"}))

    ended = typed("", "deploy", "--stage", "prod", "--yes", "--json", "--set", "countries=Latvia")

    output = capfd.readouterr()
    assert "api_log_role=own" in done
    assert re.search(r"api_log_role +account \(default\) +own +changes", ended.stderr + output.err)
    assert json.loads(ended.stdout or output.out)["settings"]["api_log_role"] == "own"


def test_a_setting_that_does_not_go_with_a_deployed_one_is_refused_before_anything_is_built(
    done: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    limited = Deployed(is_there=True, settings={"quota_per_day": "10"})
    monkeypatch.setattr(deploy, "deployed_settings", lambda *_: limited)

    ended = typed("y", "deploy", "--stage", "prod", "--set", "auth=iam")

    assert (ended.exit_code, done) == (1, [])
    told = ended.stderr + capfd.readouterr().err
    assert "change it with --set quota_per_day=…, or take the default with --reset quota_per_day" in told


def test_programs_are_told_the_settings_that_are_deployed_from_then_on(
    done: list[str], capfd: pytest.CaptureFixture[str]
):
    ended = typed("", "deploy", "--stage", "prod", "--yes", "--json", "--set", "countries=Latvia")

    found = json.loads(ended.stdout or capfd.readouterr().out)
    assert found["settings"] == {"countries": "Latvia", "alarm_email": "on-call@example.com"}


def test_another_name_than_the_stages_deletes_nothing(done: list[str], capfd: pytest.CaptureFixture[str]):
    ended = typed("yes", "destroy", "--stage", "prod")

    assert (ended.exit_code, done) == (1, [])
    assert "expected prod, got yes: nothing was deleted" in ended.stderr + capfd.readouterr().err


def test_the_stages_name_deletes_it_and_tells_what_stays_and_how_it_would_go(
    done: list[str], capfd: pytest.CaptureFixture[str]
):
    ended = typed("prod", "destroy", "--stage", "prod")

    assert (ended.exit_code, done) == (0, ["deleted"])
    output = capfd.readouterr()
    assert "It is protected from deletion; the protection will be lifted." in ended.stderr + output.err
    told = ended.stdout + output.out
    assert "AWS::S3::Bucket lake-1" in told
    assert "aws dynamodb delete-table --table-name catalog-1 --region eu-west-1" in told
    again = "./quickstart deploy --stage prod --set alarm_email=on-call@example.com --set countries=Latvia,Peru"
    assert (
        f"The deployment's settings ended with it. To deploy with the same settings: {again}"
        in ended.stderr + output.err
    )
