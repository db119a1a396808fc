"""What IAM is asked for a call: the actions, resources and condition keys that AWS documents for an operation.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from tests.infrastructure.rights.every_run import SOURCES
from tests.infrastructure.rights.named import ACCOUNT, REGION
from tests.infrastructure.rights.policies import Request
from tests.infrastructure.rights.recorded import Call

_MISSING = {"404", "NoSuchKey"}

# What S3 and DynamoDB ask for the caller where the bucket or the table is encrypted with a customer's key.
_READS = ("kms:Decrypt",)
_WRITES = ("kms:Decrypt", "kms:GenerateDataKey")  # the parts of an upload are also read again
_READS_ITEMS = ("kms:Decrypt", "kms:DescribeKey")
_WRITES_ITEMS = (*_READS_ITEMS, "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo")
KEY_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "s3:GetObject": _READS,
    "s3:PutObject": _WRITES,
    "sns:Publish": _WRITES,
    "dynamodb:GetItem": _READS_ITEMS,
    "dynamodb:Query": _READS_ITEMS,
    "dynamodb:BatchWriteItem": _WRITES_ITEMS,
    "dynamodb:PutItem": _WRITES_ITEMS,
    "dynamodb:UpdateItem": _WRITES_ITEMS,
    "dynamodb:DeleteItem": _WRITES_ITEMS,
}
_TRANSACTED = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


def asked_of_iam(call: Call) -> Iterator[Request]:
    """Yield the requests that must be allowed for a call to succeed.

    Raises
    ------
    KeyError
        The call's operation has no entry here: add what AWS documents for it.
    """
    yield from _ASKED[call.service](call)


class Keys(NamedTuple):
    """The customer's keys of a stage: what it encrypts with, what it encrypted with before, and those of sources."""

    own: str = ""
    former: tuple[str, ...] = ()
    of_sources: tuple[str, ...] = ()


def with_keys(request: Request, keys: Keys) -> Iterator[Request]:
    """Yield a request, and what its service asks of the keys for it."""
    yield request
    actions = KEY_ACTIONS.get(request.action, ())
    read = keys.of_sources if request.resource.startswith(f"arn:aws:s3:::{SOURCES}/") else keys.former
    if keys.own:
        yield from (Request(action, keys.own) for action in actions)
    if "kms:Decrypt" in actions:
        yield from (Request("kms:Decrypt", key) for key in read)


def _of_s3(call: Call) -> Iterator[Request]:
    given = call.parameters
    bucket = f"arn:aws:s3:::{given['Bucket']}"
    found = f"{bucket}/{given.get('Key')}"
    match call.operation:
        case "ListObjectsV2":
            yield Request.of("s3:ListBucket", bucket, s3__prefix=given.get("Prefix", ""))
        case "GetObject" | "HeadObject":
            yield Request("s3:GetObject", found)
            if call.error in _MISSING:  # without this right S3 answers 403 for a key that does not exist
                yield Request.of("s3:ListBucket", bucket, s3__prefix=given["Key"])
        case "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload":
            yield Request("s3:PutObject", found)
        case "CopyObject" | "UploadPartCopy":
            yield Request("s3:PutObject", found)
            source = f"arn:aws:s3:::{given['CopySource']['Bucket']}/{given['CopySource']['Key']}"
            yield Request("s3:GetObject", source)
            if call.operation == "CopyObject" and given.get("TaggingDirective") != "REPLACE":
                yield Request("s3:GetObjectTagging", source)
        case "AbortMultipartUpload":
            yield Request("s3:AbortMultipartUpload", found)
        case operation:
            raise KeyError(f"s3:{operation}")
    if "Tagging" in given:
        yield Request("s3:PutObjectTagging", found)


def _of_dynamodb(call: Call) -> Iterator[Request]:
    match call.operation:
        case "BatchWriteItem" | "BatchGetItem":
            for table in call.parameters["RequestItems"]:
                yield _of_table(call.operation, table)
        case "TransactWriteItems":
            for item in call.parameters["TransactItems"]:
                for kind, of_item in item.items():
                    yield _of_table(_TRANSACTED[kind], of_item["TableName"])
        case operation:
            yield _of_table(operation, call.parameters["TableName"])


def _of_table(operation: str, table: str) -> Request:
    return Request(f"dynamodb:{operation}", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}")


def _of_lambda(call: Call) -> Iterator[Request]:
    if call.operation != "Invoke":
        raise KeyError(f"lambda:{call.operation}")
    function = call.parameters["FunctionName"]
    arn = function if function.startswith("arn:") else f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"
    yield Request("lambda:InvokeFunction", arn)


def _of_step_functions(call: Call) -> Iterator[Request]:
    (resource,) = (arn for name, arn in call.parameters.items() if name in _RESOURCES_OF_STATES)
    yield Request(f"states:{call.operation}", resource)


_RESOURCES_OF_STATES = {"stateMachineArn", "executionArn", "mapRunArn"}

_ASKED: Mapping[str, Callable[[Call], Iterator[Request]]] = {
    "dynamodb": _of_dynamodb,
    "lambda": _of_lambda,
    "s3": _of_s3,
    "stepfunctions": _of_step_functions,
}


def asked_by_lambda(function: Mapping[str, Any], keys: Keys) -> Iterator[Request]:
    """Yield what Lambda itself asks with a function's role, by the function's properties and the keys."""
    log_group = function["LoggingConfig"]["LogGroup"]
    for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
        yield Request(action, f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{log_group}:log-stream:x")
    if function.get("TracingConfig", {}).get("Mode") == "Active":
        for action in ("xray:PutTraceSegments", "xray:PutTelemetryRecords"):
            yield Request(action, "*")
    if "VpcConfig" in function:
        for action in INTERFACES:
            yield Request(action, "*")
    if keys.own:  # the environment
        yield Request("kms:Decrypt", keys.own)


# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
INTERFACES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
