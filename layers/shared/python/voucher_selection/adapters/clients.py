"""AWS clients for the pipeline's functions: how long they wait, and how often they try again."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

PARALLEL_REQUESTS = 32
"""How many requests to S3 run at once: enough to hide its latency, few enough for the smallest function's memory."""


def s3_client() -> "S3Client":
    """Return a client for the lake."""
    config = Config(retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=PARALLEL_REQUESTS)
    return boto3.client("s3", config=config)


def dynamodb_client() -> "DynamoDBClient":
    """Return a client for the catalog."""
    return boto3.client(
        "dynamodb", config=Config(retries={"mode": "standard", "max_attempts": 4}, connect_timeout=2, read_timeout=5)
    )
