"""What `./quickstart deploy` checks before it changes anything, and what it tells whoever lacks it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from typer.testing import CliRunner

from local.quickstart.aws.account import Account, Identity
from local.quickstart.aws.prerequisites import LEAST_BOOTSTRAP, bootstrap_command, check
from local.quickstart.cli import app
from local.quickstart.machine.steps import StepError

VERSION = "/cdk-bootstrap/hnb659fds/version"
# of moto
ACCOUNT = "123456789012"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """AWS's services by moto, and none of this machine's settings for them."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield monkeypatch


def bootstrap(version: int) -> None:
    ssm = boto3.client("ssm", region_name="eu-west-1")
    ssm.put_parameter(Name=VERSION, Value=str(version), Type="String")


def refusing(service: str, code: str, operation: str) -> Any:
    """Return a client whose operation is refused."""
    client = botocore.session.get_session().create_client(service, region_name="eu-west-1")
    stubber = Stubber(client)
    stubber.add_client_error(operation, service_error_code=code, service_message="not allowed")
    stubber.activate()
    return client


def test_a_bootstrapped_account_is_ready(aws: pytest.MonkeyPatch):
    bootstrap(LEAST_BOOTSTRAP)

    ready = check(Account())

    assert (ready.identity.account, ready.identity.partition) == (ACCOUNT, "aws")
    assert (ready.region, ready.bootstrap) == ("eu-west-1", LEAST_BOOTSTRAP)


def test_an_account_without_bootstrap_is_told_the_command_for_it(aws: pytest.MonkeyPatch):
    with pytest.raises(StepError) as failure:
        check(Account())

    assert f"not bootstrapped in account {ACCOUNT}, region eu-west-1" in str(failure.value)
    assert f"AWS_REGION=eu-west-1 ./quickstart cdk bootstrap aws://{ACCOUNT}/eu-west-1" in str(failure.value)


def test_an_old_bootstrap_is_refused_with_both_versions(aws: pytest.MonkeyPatch):
    bootstrap(LEAST_BOOTSTRAP - 1)

    with pytest.raises(StepError, match=r"has version 5; expected 6 or newer(.|\n)*cdk bootstrap aws://"):
        check(Account())


def test_the_toolkits_stack_is_asked_where_the_parameter_may_not_be_read(
    aws: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
):
    account = Account()
    clients = {"sts": account.client("sts"), "ssm": refusing("ssm", "AccessDeniedException", "get_parameter")}
    toolkit = botocore.session.get_session().create_client("cloudformation", region_name="eu-west-1")
    clients["cloudformation"] = toolkit
    monkeypatch.setattr(Account, "client", lambda _, service: clients[service])
    stack = {"StackName": "CDKToolkit", "CreationTime": 0, "StackStatus": "CREATE_COMPLETE"}
    stack["Outputs"] = [{"OutputKey": "BootstrapVersion", "OutputValue": "21"}]

    with Stubber(toolkit) as stubber:
        stubber.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "CDKToolkit"})
        assert check(account).bootstrap == 21


def test_who_may_read_neither_is_told_what_to_allow(aws: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch):
    account = Account()
    clients = {
        "sts": account.client("sts"),
        "ssm": refusing("ssm", "AccessDeniedException", "get_parameter"),
        "cloudformation": refusing("cloudformation", "AccessDenied", "describe_stacks"),
    }
    monkeypatch.setattr(Account, "client", lambda _, service: clients[service])

    with pytest.raises(StepError, match=rf"AccessDeniedException.*Allow ssm:GetParameter on parameter{VERSION}"):
        check(account)


def test_without_a_region_it_says_how_one_is_named(aws: pytest.MonkeyPatch):
    aws.delenv("AWS_REGION")

    with pytest.raises(StepError, match="no region is named: export AWS_REGION=eu-west-1, or aws configure set region"):
        check(Account())


def test_without_credentials_it_says_where_they_are_looked_for(aws: pytest.MonkeyPatch):
    aws.delenv("AWS_ACCESS_KEY_ID")
    aws.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(StepError, match="no credentials were found: name a profile with --profile or AWS_PROFILE"):
        check(Account())


def test_credentials_that_are_refused_are_told_with_the_reason(
    aws: pytest.MonkeyPatch, monkeypatch: pytest.MonkeyPatch
):
    expired = refusing("sts", "ExpiredToken", "get_caller_identity")
    monkeypatch.setattr(Account, "client", lambda *_: expired)

    with pytest.raises(StepError, match=r"refused \(ExpiredToken: not allowed\): renew them.* aws sso login$"):
        check(Account())


def test_an_unknown_profile_is_told_with_those_that_there_are(aws: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "config").write_text("[profile team]\nregion = eu-west-3\n")

    with pytest.raises(StepError, match="there is no profile other in .*/config, only team: name another"):
        check(Account("other"))


def test_a_profile_comes_before_the_environment_in_the_cdk_too(aws: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "config").write_text("[profile team]\nregion = eu-west-3\n")

    environment = Account("team").environment("/bin")

    assert (environment["AWS_PROFILE"], environment["AWS_REGION"]) == ("team", "eu-west-3")
    assert "AWS_ACCESS_KEY_ID" not in environment
    assert "AWS_ENDPOINT_URL" not in environment


def test_who_only_plans_takes_the_bootstraps_role_that_reads(aws: pytest.MonkeyPatch):
    account = Account()
    identity = account.identity()

    taken = [
        account.client_of_deployer("sts", identity, role).get_caller_identity()["Arn"] for role in ("deploy", "lookup")
    ]

    assert taken == [
        f"arn:aws:sts::{ACCOUNT}:assumed-role/cdk-hnb659fds-{role}-role-{ACCOUNT}-eu-west-1/quickstart"
        for role in ("deploy", "lookup")
    ]


def test_another_endpoint_is_named_to_the_cdk_and_in_every_command(aws: pytest.MonkeyPatch):
    account = Account(endpoint="http://127.0.0.1:4630")

    environment = account.environment("/bin")

    assert environment["AWS_ENDPOINT_URL"] == environment["AWS_ENDPOINT_URL_S3"] == "http://127.0.0.1:4630"
    assert account.options == " --region eu-west-1 --endpoint-url http://127.0.0.1:4630"
    variables = "AWS_ENDPOINT_URL=http://127.0.0.1:4630 AWS_ENDPOINT_URL_S3=http://127.0.0.1:4630"
    assert variables in bootstrap_command(account, Identity(ACCOUNT, "arn:aws:iam::123456789012:user/x"))


def told(*arguments: str) -> tuple[int, str]:
    """Return the exit code of a command that programs call, and its error."""
    done = CliRunner().invoke(app, [*arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)["error"]["message"]


def test_without_a_terminal_nothing_is_deployed_unless_it_is_said_so(aws: pytest.MonkeyPatch):
    code, message = told("deploy", "--stage", "dev")

    assert code == 1
    assert message.startswith("there is no terminal to ask on")
    assert "--yes" in message


def test_without_a_terminal_nothing_is_deleted_unless_the_stage_is_named_again(aws: pytest.MonkeyPatch):
    code, message = told("destroy", "--stage", "prod")

    assert (code, "give --confirm prod" in message) == (1, True)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("auth=open", "--set auth: expected one of none, api_key, iam, got 'open'"),
        ("stage=prod", "--set stage: the quickstart sets it itself"),
        ("domain_name=https://a.example", "--set domain_name: expected a domain like vouchers.example.com"),
    ],
)
def test_a_setting_is_refused_before_the_account_is_asked(aws: pytest.MonkeyPatch, setting: str, message: str):
    code, found = told("deploy", "--stage", "dev", "--yes", "-c", setting)

    assert (code, message in found) == (1, True)


def test_an_account_that_is_not_ready_ends_the_command(aws: pytest.MonkeyPatch):
    code, message = told("deploy", "--stage", "dev", "--yes")

    assert (code, "the CDK is not bootstrapped" in message) == (1, True)
