"""The clients of DynamoDB and S3 that the catalog and the lake have here: every call is one or more operations."""

import io
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from moto.dynamodb.parsing.key_condition_expression import parse_expression

from tests.concurrency.steps import Ask
from tests.concurrency.stores import TABLE, Delete, Get, Next, Place, Put, Transact
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.stores import Stores

_SCHEMA = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]


class TransactionCanceledException(Exception):
    """As the client's own: a condition did not hold."""

    response: ClassVar[Any] = {"CancellationReasons": [{"Code": "ConditionalCheckFailed"}, {"Code": "None"}]}


class DynamoDB:
    """The calls of DynamoDB that the catalog makes, with arguments and answers as they are there.

    DynamoDB promises no order for the items of a batch: they are written as they are given, or the last one first.
    """

    exceptions = SimpleNamespace(TransactionCanceledException=TransactionCanceledException)

    def __init__(self, ask: Ask, *, last_first: bool = False) -> None:
        self._ask = ask
        self._order = -1 if last_first else 1

    def get_item(self, *, TableName: str, Key: Any, ConsistentRead: bool) -> Any:  # noqa: N803 - DynamoDB's names
        assert (TableName, ConsistentRead) == (TABLE, True)
        item = self._ask(Get(_place(Key)))
        return {} if item is None else {"Item": json.loads(item)}

    def transact_write_items(self, *, TransactItems: list[Any]) -> None:  # noqa: N803
        if not self._ask(Transact(json.dumps(TransactItems, sort_keys=True))):
            raise TransactionCanceledException

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> Any:  # noqa: N803
        ((table, requests),) = RequestItems.items()
        assert table == TABLE
        for request in requests[:: self._order]:
            ((kind, given),) = request.items()
            if kind == "PutRequest":
                self._ask(Put(_place(given["Item"]), json.dumps(given["Item"], sort_keys=True)))
            else:
                self._ask(Delete(_place(given["Key"])))
        return {"UnprocessedItems": {}}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "query"
        return SimpleNamespace(paginate=self._pages)

    def _pages(
        self,
        *,
        TableName: str,  # noqa: N803
        KeyConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: Any,  # noqa: N803
        ConsistentRead: bool,  # noqa: N803
    ) -> Iterator[Any]:
        assert (TableName, ConsistentRead) == (TABLE, True)
        ((_, pk),), ranges, _ = parse_expression(KeyConditionExpression, ExpressionAttributeValues, {}, _SCHEMA)
        assert [comparison for _, comparison, _ in ranges] in ([], ["BEGINS_WITH"])
        prefix = ranges[0][2][0]["S"] if ranges else ""
        after = ""
        while (found := self._ask(Next(pk["S"], prefix, after))) is not None:
            item = json.loads(found)
            after = item["sk"]["S"]
            yield {"Items": [item]}


class S3:
    """The calls of S3 that publishing makes."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: ARG002, N803 - there is one bucket
        content = self._ask(Get(Key))
        if content is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": Key}}, "GetObject")
        return {"Body": io.BytesIO(content)}

    def put_object(self, *, Key: str, Body: bytes, **_: str) -> None:  # noqa: N803
        self._ask(Put(Key, bytes(Body)))


class SteppedCatalog(Catalog):
    """The catalog on what is stored here."""

    def __init__(self, ask: Ask, *, last_first: bool = False) -> None:
        super().__init__(TABLE, DynamoDB(ask, last_first=last_first))


def stepped_stores(ask: Ask) -> Stores:
    """Return a lake and a catalog on what is stored here."""
    return Stores(Lake("lake", S3(ask)), SteppedCatalog(ask))


def _place(item: Any) -> Place:
    return item["pk"]["S"], item["sk"]["S"]
