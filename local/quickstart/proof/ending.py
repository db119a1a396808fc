"""The end of a proof: its stack is deleted, and what a stack leaves behind."""

from typing import Any

from botocore.exceptions import ClientError

from local.quickstart.aws.account import Account, Identity
from local.quickstart.aws.stack import NoStackError, Retained, Stack
from local.quickstart.machine.steps import StepError

_MOST_DELETED = 1000


def remove(account: Account, identity: Identity, stage: str, suffix: str) -> list[Retained]:
    """Delete the stack of a proof with its data, as far as it was made; return what the account keeps.

    Raises
    ------
    StepError
        CloudFormation cannot delete it.
    """
    try:
        stack = Stack(account, identity, stage, suffix)
    except NoStackError:
        return []
    left = stack.retained()
    stack.delete()
    kept = [item for item in left if not _is_removed(account, item)]
    _remove_logs(account, stack.name)
    return kept


def _is_removed(account: Account, item: Retained) -> bool:
    match item.kind:
        case "AWS::S3::Bucket":
            _remove_bucket(account.client("s3"), item.name)
        case "AWS::DynamoDB::Table":
            table = account.client("dynamodb")
            table.update_table(TableName=item.name, DeletionProtectionEnabled=False)
            table.delete_table(TableName=item.name)
        case _:
            return False
    return True


def _remove_bucket(s3: Any, bucket: str) -> None:  # noqa: ANN401 - a client
    try:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, MaxKeys=_MOST_DELETED):
            found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
            if objects:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        s3.delete_bucket(Bucket=bucket)
    except ClientError as error:
        raise StepError(f"the bucket {bucket} of the proof stays: {error}") from error


def _remove_logs(account: Account, stack: str) -> None:
    """Delete the log groups that functions made for themselves, like the one that empties the buckets."""
    logs = account.client("logs")
    for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/lambda/{stack}-"):
        for group in page["logGroups"]:
            logs.delete_log_group(logGroupName=group["logGroupName"])
