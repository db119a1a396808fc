"""What S3 and DynamoDB refuse ends in an error of ours, which names the object or table and says what to do."""

import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from voucher_selection.adapters import dynamodb_errors, s3_errors
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.stores import dynamodb_client
from voucher_selection.domain.errors import (
    CatalogRefused,
    CatalogUnavailable,
    LakeRefused,
    LakeUnavailable,
    NoModel,
    ObjectMissing,
)

KEY = "staging/run_id=run/x"
SILENCE = [
    ReadTimeoutError(endpoint_url="https://aws"),
    ConnectTimeoutError(endpoint_url="https://aws"),
    EndpointConnectionError(endpoint_url="https://aws"),
    NoCredentialsError(),
]


def answer(code: str, status: int = 400) -> ClientError:
    told = {"Error": {"Code": code, "Message": "told"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "Operation")


def upload_failed(code: str) -> Exception:
    """Return what boto3 makes of an answer to an upload."""
    try:
        try:
            raise answer(code)
        except ClientError as error:
            raise S3UploadFailedError(f"Failed to upload: {error}")  # noqa: B904 - as boto3 does
    except S3UploadFailedError as error:
        return error


@pytest.mark.parametrize(
    ("error", "kind", "help_"),
    [
        (answer("NoSuchKey", 404), ObjectMissing, "expires after the stage's staging_days; start the run again"),
        (answer("404", 404), ObjectMissing, "start the run again"),
        (answer("NoSuchBucket", 404), LakeRefused, "there is no such bucket .* deploy the stage again"),
        (answer("AccessDenied", 403), LakeRefused, "the rights of the deployment, the bucket's policy or its KMS key"),
        (answer("403", 403), LakeRefused, "have changed"),
        (answer("KMS.DisabledException"), LakeRefused, "KMS key"),
        (upload_failed("AccessDenied"), LakeRefused, r"\(AccessDenied\)"),
        (upload_failed("SlowDown"), LakeUnavailable, r"\(SlowDown\)"),
        (answer("SlowDown", 503), LakeUnavailable, "start the run again"),
        (answer("InternalError", 500), LakeUnavailable, "start the run again"),
        *((error, LakeUnavailable, "start the run again") for error in SILENCE),
    ],
    ids=str,
)
def test_what_s3_answers_names_the_object(error: Exception, kind: type[Exception], help_: str):
    with pytest.raises(kind, match=rf"s3://lake/{KEY}.*{help_}"), s3_errors.named_refusals("lake", KEY):
        raise error


def test_what_is_missing_in_production_takes_the_whole_history():
    with (
        pytest.raises(ObjectMissing, match="production/x is not there .*: run the whole history"),
        s3_errors.named_refusals("lake", "production/x"),
    ):
        raise answer("NoSuchKey")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answer("ProvisionedThroughputExceededException"), CatalogUnavailable),
        (answer("ThrottlingException"), CatalogUnavailable),
        (answer("RequestLimitExceeded"), CatalogUnavailable),
        (answer("ItemCollectionSizeLimitExceededException"), CatalogUnavailable),
        (answer("InternalServerError", 500), CatalogUnavailable),
        (answer("Unheard", 503), CatalogUnavailable),
        (answer("AccessDeniedException"), CatalogRefused),
        (answer("ResourceNotFoundException"), CatalogRefused),
        (answer("ValidationException"), CatalogRefused),
        *((error, CatalogUnavailable) for error in SILENCE),
    ],
    ids=str,
)
def test_what_dynamodb_answers_names_the_table(error: Exception, kind: type[Exception], monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    catalog = Catalog("models", dynamodb_client())

    def refuse(**_: object) -> None:
        raise error

    for call in ("get_item", "update_item", "batch_write_item", "get_paginator"):
        monkeypatch.setattr(catalog._client, call, refuse if call != "get_paginator" else lambda _: refuse())

    asked = (catalog.served_version, catalog.pointer, catalog.versions, catalog.base, lambda: catalog.read("v1"))
    for ask in asked:
        with pytest.raises(kind, match=r"table models .*(deploy the stage again|try again)"):
            ask()


def test_errors_of_ours_pass():
    with pytest.raises(NoModel, match="as it is"), dynamodb_errors.named_refusals("models"):
        raise NoModel("as it is")
