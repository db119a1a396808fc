"""Versions of the model, from the catalog's table."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer

from local.quickstart.record import Deployment
from local.quickstart.workspace import Workspace

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_FACTS = ("version", "run_id", "counts_run_id", "cur_date", "published_at", "countries", "segments", "expires_at")


def versions(workspace: Workspace, deployed: Deployment) -> dict[str, Any]:
    """Return the versions that the catalog has, the newest first, and which are `served` and were served before.

    Returns
    -------
    `served` and `previous` (None where there is none), and `versions`: what each was made from, and when it expires
    (`expires_at`, seconds since 1970; None for one that stays).
    """
    client: DynamoDBClient = workspace.client("dynamodb")
    pages = client.get_paginator("query").paginate(
        TableName=deployed.table,
        KeyConditionExpression="pk = :model",
        ExpressionAttributeValues={":model": {"S": "MODEL"}},
        ConsistentRead=True,
    )
    deserialize = TypeDeserializer().deserialize
    items = [{name: deserialize(value) for name, value in item.items()} for page in pages for item in page["Items"]]
    pointer = next((item for item in items if item["sk"] == "SERVED"), {})
    made = [item for item in items if item["sk"].startswith("VERSION#")]
    return {
        "served": pointer.get("version"),
        "previous": pointer.get("previous_version"),
        "versions": [_facts(item) for item in sorted(made, key=lambda item: str(item["version"]), reverse=True)],
    }


def _facts(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(item.get(name)) for name in _FACTS}


def _plain(value: Any) -> Any:  # noqa: ANN401 - what an attribute holds
    return int(value) if isinstance(value, Decimal) else value
