"""The end of a proof: its stack is deleted, and what a stack leaves behind."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from local.quickstart.aws.account import Account, Identity
from local.quickstart.aws.stack import NoStackError, Resource, Stack
from local.quickstart.machine.steps import StepError

_MOST_DELETED = 1000


def remove(account: Account, identity: Identity, stage: str, suffix: str) -> list[Resource]:
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
    stack.settle()
    left, functions = stack.retained(), stack.functions()
    stack.delete()
    kept = [item for item in left if not _is_removed(account, item)]
    _remove_logs(account.client("logs"), functions)
    return kept


def _is_removed(account: Account, item: Resource) -> bool:
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
    except s3.exceptions.NoSuchBucket:
        return  # not every endpoint keeps what it should
    except ClientError as error:
        raise StepError(f"the bucket {bucket} of the proof stays: {error}") from error


def _remove_logs(logs: Any, functions: Iterable[str]) -> None:  # noqa: ANN401 - a client
    """Delete the log groups that Lambda made for functions without one of the stack, as for the one of the CDK."""
    for function in functions:
        with suppress(logs.exceptions.ResourceNotFoundException):
            logs.delete_log_group(logGroupName=f"/aws/lambda/{function}")
