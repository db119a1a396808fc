"""What a proof finds, writes down and deletes, whatever comes in its way."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from infra_cdk.stages import stage
from local.quickstart.aws.account import Account, Identity
from local.quickstart.aws.prerequisites import Target
from local.quickstart.aws.stack import NoStackError, Resource
from local.quickstart.machine.steps import StepError
from local.quickstart.proof import ending, functions_log, whole
from local.quickstart.proof.evidence import Evidence
from local.quickstart.proof.functions_log import Report, read_logs
from local.quickstart.proof.page import Facts, page_of

REPORT = (
    "REPORT RequestId: 0f1e\tDuration: 12.34 ms\tBilled Duration: 346 ms\tMemory Size: 512 MB\t"
    "Max Memory Used: 90 MB\tInit Duration: 333.21 ms\t\n"
)
RESTORED = REPORT.replace("Init Duration: 333.21 ms", "Restore Duration: 210.00 ms\tBilled Restore Duration: 4 ms")
WARM = REPORT.partition("\tInit")[0]
IDENTITY = Identity("123456789012", "arn:aws:iam::123456789012:user/prover")
FACTS = Facts(
    "./quickstart prove --stage dev",
    "abc1234",
    "dev",
    "VoucherSelection-dev-prove-1",
    "account …9012, eu-west-1",
    datetime(2026, 11, 30, 9, 5, tzinfo=UTC),
    12.34,
    {"removal": "destroy"},
)


def test_what_came_as_expected_is_right_and_anything_else_is_wrong():
    evidence = Evidence()

    assert evidence.compare("Runs", "a full run", {"1-4": 3}, {"1-4": 3}, says="1 count")
    assert not evidence.compare("Runs", "an append", {"1-4": 3}, {"1-4": 2}, says="1 count")

    assert [(finding.tried, finding.came, finding.expected) for finding in evidence.findings] == [
        ("a full run", "1 count", "1 count"),
        ("an append", "{'1-4': 2}", "{'1-4': 3}"),
    ]
    assert [finding.tried for finding in evidence.wrong] == ["an append"]


def test_the_page_begins_with_what_is_wrong():
    evidence = Evidence()
    evidence.compare("Routes", "GET /health", 200, 200)
    evidence.compare("Routes", "GET /a|b", 200, 503)
    evidence.note("the logs are empty")
    evidence.show("Cost", "By the list.", ["used", "$"], [["calls", "0.1"]])

    page = page_of(FACTS, evidence)

    assert "**1 of 2 checks passed.**" in page
    assert "|  | tried | came |\n| --- | --- | --- |\n| ✗ | GET /a\\|b | 503; expected 200 |\n\n## Notes" in page
    assert "- the logs are empty" in page
    assert "## Cost\n\nBy the list.\n\n| used | $ |\n| --- | --- |\n| calls | 0.1 |" in page
    assert "at 09:05 UTC" in page
    assert "12.3 minutes" in page
    assert "`removal=destroy`" in page


@pytest.mark.parametrize(
    ("line", "start"), [(REPORT, 333.21), (RESTORED, 210.0), (REPORT.split("\tInit", maxsplit=1)[0], None)]
)
def test_a_report_of_lambda_is_read(line: str, start: float | None):
    assert Report.of("Api", line) == Report("Api", 12.34, 346, 512, 90, start)


@dataclass
class _Logged:
    """A deployment with one function, and its log."""

    lines: list[str]
    functions: dict[str, str] = field(default_factory=lambda: {"Api": "api-1"})


def logged(monkeypatch: pytest.MonkeyPatch, *lines: str) -> Any:
    monkeypatch.setattr(functions_log, "_lines", lambda deployed, _: iter(deployed.lines))
    return _Logged(list(lines))


@pytest.mark.parametrize(
    "line",
    [
        "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied",
        "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: dynamodb:PutItem on resource: …",
    ],
)
def test_a_denied_call_in_a_log_is_wrong(monkeypatch: pytest.MonkeyPatch, line: str):
    evidence = Evidence()

    reports = read_logs(logged(monkeypatch, "START", line, REPORT), evidence)

    assert [finding.came for finding in evidence.wrong] == [repr([f"Api: {line}"])[:200] + " …" * (len(line) > 190)]
    assert [report.function for report in reports] == ["Api"]


def test_logs_without_a_line_are_noted(monkeypatch: pytest.MonkeyPatch):
    evidence = Evidence()

    read_logs(logged(monkeypatch), evidence)

    assert evidence.notes == ["the functions' logs are empty or cannot be read: denied calls would not be seen"]


class FakeStack:
    """A stack with a bucket, a table and a role that stay, and a function with a log of its own."""

    def __init__(self, *_: object) -> None:
        self.done: list[str] = []
        FakeStack.last = self

    last: "FakeStack"

    def settle(self) -> None:
        self.done.append("settled")

    def retained(self) -> list[Resource]:
        kept = [
            ("AWS::S3::Bucket", "lake"),
            ("AWS::S3::Bucket", "gone-with-the-stack"),
            ("AWS::DynamoDB::Table", "catalog"),
            ("AWS::IAM::Role", "logs"),
        ]
        return [Resource(*each) for each in kept]

    def functions(self) -> list[str]:
        return ["emptier", "model"]

    def delete(self) -> None:
        self.done.append("deleted")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with mock_aws():
        yield Account()


def test_what_a_stack_leaves_is_deleted_too_except_what_others_may_use(
    monkeypatch: pytest.MonkeyPatch, account: Account
):
    monkeypatch.setattr(ending, "Stack", FakeStack)
    s3, table, logs = (account.client(service) for service in ("s3", "dynamodb", "logs"))
    s3.create_bucket(Bucket="lake")
    s3.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket="lake", Key="runs/a", Body=b"1")
    s3.delete_object(Bucket="lake", Key="runs/a")
    table.create_table(
        TableName="catalog",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
    )
    logs.create_log_group(logGroupName="/aws/lambda/emptier")

    kept = ending.remove(account, IDENTITY, "dev", "prove-1")

    assert kept == [Resource("AWS::IAM::Role", "logs")]
    assert FakeStack.last.done == ["settled", "deleted"]
    assert s3.list_buckets()["Buckets"] == []
    assert table.list_tables()["TableNames"] == []
    assert logs.describe_log_groups()["logGroups"] == []


def test_a_stack_that_was_never_made_leaves_nothing(monkeypatch: pytest.MonkeyPatch):
    def missing(*_: object) -> None:
        raise NoStackError("there is no stack")

    monkeypatch.setattr(ending, "Stack", missing)

    assert ending.remove(Account(), IDENTITY, "dev", "prove-1") == []


class Stopped:
    """A deployment that ends with an error."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def synthesize(self) -> None: ...

    def how_far(self) -> None:
        return None

    def deploy(self) -> None:
        raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), StepError("cdk deploy failed"), ValueError("a fault of ours")])
def test_however_a_proof_ends_its_stack_is_deleted_and_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: BaseException
):
    removed: list[Any] = []
    monkeypatch.setattr(whole, "remove", lambda *asked: removed.append(asked) or [Resource("AWS::IAM::Role", "logs")])
    account, page = Account(), tmp_path / "page.md"
    target = Target(IDENTITY, "eu-west-1", 33)
    proof = whole.Proof(account, target, stage("dev"), "prove-1", 10, "./quickstart prove")

    with pytest.raises(type(error)):
        whole.prove(proof, Stopped(error), page)  # type: ignore[arg-type]

    assert removed == [(account, IDENTITY, "dev", "prove-1")]
    written = page.read_text()
    assert "**0 of 1 checks passed.**" in written
    assert ("interrupted" if isinstance(error, KeyboardInterrupt) else str(error)) in written
    assert "not deleted, because others in the account may use it: AWS::IAM::Role logs" in written


def test_a_stack_that_cannot_be_deleted_is_named_with_the_command_that_does_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def refuses(*_: object) -> None:
        raise StepError("it stays")

    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr(whole, "remove", refuses)
    target = Target(IDENTITY, "eu-west-1", 33)
    proof = whole.Proof(Account(), target, stage("dev"), "prove-1", 10, "./quickstart prove")

    with pytest.raises(StepError, match="it stays"):
        whole.prove(proof, Stopped(KeyboardInterrupt()), tmp_path / "page.md")  # type: ignore[arg-type]

    said = " ".join(capsys.readouterr().err.split())
    assert "aws cloudformation delete-stack --stack-name VoucherSelection-dev-prove-1 --region eu-west-1" in said
