"""What the quickstart shows of a deployment to an account: its target, its smoke test, what comes next."""

from collections.abc import Mapping, Sequence

from infra_cdk.stages import stack_name
from local.quickstart.aws.account import Account, Identity
from local.quickstart.aws.prerequisites import Target
from local.quickstart.aws.smoke_test import Passed
from local.quickstart.aws.stack import Resource, Stack
from local.quickstart.machine.terminal import console, notices
from voucher_selection.contract.api import Auth

_REMOVAL: Mapping[str, str] = {
    "AWS::DynamoDB::Table": "aws dynamodb update-table --table-name {name} --no-deletion-protection-enabled{options}\n"
    "    aws dynamodb delete-table --table-name {name}{options}",
    "AWS::S3::Bucket": "in the console: empty the bucket {name} with all its versions, then delete it",
}
"""How to remove what stays by hand, by its type; the rest of the account may need a resource of another type."""


def show_target(ready: Target, endpoint: str | None, stage: str) -> None:
    """Print the account and region that a stage goes to, and the deployer."""
    where = f" at {endpoint}" if endpoint else ""
    _print(f"  {stack_name(stage)} in account {ready.identity.account}, region {ready.region}{where}")
    _print(f"  as {ready.identity.arn}; bootstrap version {ready.bootstrap}")


def show_notes(notes: Sequence[str]) -> None:
    """Print what people should know of the account before they agree."""
    for note in notes:
        _print(f"  {note}")


def show_smoke_test(passed: Sequence[Passed]) -> None:
    """Print the requests of the smoke test with their answers."""
    for check in passed:
        console.print(f"  {check.asked}: {check.answer}", markup=False)


def show_next_steps(account: Account, outputs: Mapping[str, str], auth: Auth, stage: str) -> None:
    """Print what to do next, in commands with the deployment's names."""
    bucket, options = outputs["BucketName"], account.options
    steps = {
        "Upload a history": f"aws s3 cp vouchers.parquet s3://{bucket}/uploads/{options}",
        "Start a run": f"aws stepfunctions start-execution --state-machine-arn {outputs['StateMachineArn']}"
        f' --input \'{{"source": "s3://{bucket}/uploads/vouchers.parquet"}}\'{options}',
        "Get notified of failed runs": f"aws sns subscribe --topic-arn {outputs['FailureTopicArn']} --protocol email"
        f" --notification-endpoint you@example.com{options}",
    }
    if auth == "api_key":
        steps["Get the API's key"] = (
            f"aws apigateway get-api-key --api-key {outputs['ApiKeyId']} --include-value --query value --output text"
            f"{options}"
        )
    header = " -H 'x-api-key: <key>'" if auth == "api_key" else ""
    signed = " (signed with SigV4 for execute-api)" if auth == "iam" else ""
    steps[f"Ask{signed}"] = (
        f"curl -X POST {outputs['ApiUrl']}voucher{header} -H 'Content-Type: application/json' -d '{{…}}'"
    )
    if "DomainTarget" in outputs:
        steps["Point the domain's record at"] = outputs["DomainTarget"]
    steps["Delete the stage"] = f"./quickstart destroy --stage {stage}{account.own_options}"
    for title, text in steps.items():
        console.print(f"{title}\n    {text}", markup=False)


def show_end(stack: Stack, identity: Identity, region: str, retained: Sequence[Resource]) -> None:
    """Print what will be deleted, and what will stay."""
    _print(f"  {stack.name} in account {identity.account}, region {region}, as {identity.arn}")
    _print(
        "  It is protected from deletion; the protection will be lifted."
        if stack.is_protected
        else "  It is not protected."
    )
    if retained:
        _print("  This stays:")
        for item in retained:
            _print(f"    {item.kind} {item.name}")
    else:
        _print("  Nothing stays, neither histories nor models.")


def show_retained(account: Account, retained: Sequence[Resource]) -> None:
    """Print what stayed, and how to remove it for good."""
    if not retained:
        console.print("Deleted, with its data.")
        return
    console.print("Deleted. This stays; to remove it for good:")
    for item in retained:
        how = _REMOVAL.get(item.kind, "the account shares it: leave it, unless nothing else needs it")
        console.print(f"  {item.kind} {item.name}", markup=False)
        console.print(f"    {how.format(name=item.name, options=account.options)}", markup=False)


def _print(line: str) -> None:
    notices.print(line, markup=False)
