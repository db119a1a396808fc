"""The stores that the steps of a run read and write: the lake and the catalog, with clients that wait and try again."""

from typing import TYPE_CHECKING, NamedTuple, Self

import boto3
from botocore.config import Config

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import COPIES_AT_ONCE, Lake

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client


class Stores(NamedTuple):
    """The lake and the catalog of a deployment."""

    lake: Lake
    catalog: Catalog

    @classmethod
    def of(cls, bucket: str, table: str) -> Self:
        """Return the stores of a bucket and a table, with clients of their own."""
        return cls(Lake(bucket, s3_client()), Catalog(table, dynamodb_client()))


def s3_client() -> "S3Client":
    """Return a client for the lake."""
    config = Config(retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=COPIES_AT_ONCE)
    return boto3.client("s3", config=config)


def dynamodb_client() -> "DynamoDBClient":
    """Return a client for the catalog."""
    return boto3.client(
        "dynamodb", config=Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=2, read_timeout=5)
    )
