"""What is stored in a table and a bucket, and the operations on it, each of which happens at once.

They are the finest that the services promise: of a batch every item is written by itself, and the pages of a query
have one item each. Conditions and updates are evaluated by moto.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import DynamoDBBackend

TABLE = "catalog"
_KEYS = (("pk", "HASH"), ("sk", "RANGE"))

# Items as JSON by partition and sort key, objects as bytes by their key.
type Place = tuple[str, str] | str
type Contents = Mapping[Place, str | bytes]
type Answer = str | bytes | bool | None


class Get(NamedTuple):
    """Read an item, or an object; None where there is none."""

    place: Place


class Put(NamedTuple):
    """Write an item, or an object, in the place of the one that is there."""

    place: Place
    content: str | bytes


class Delete(NamedTuple):
    """Delete an item."""

    place: Place


class Next(NamedTuple):
    """Read the first item of a partition after a sort key, of those that begin with a prefix; None after the last."""

    pk: str
    prefix: str
    after: str


class Update(NamedTuple):
    """Update an item if its condition holds; the arguments are as DynamoDB takes them, in JSON.

    The answer is the new item, or False where the condition does not hold.
    """

    place: Place
    arguments: str


type Operation = Get | Put | Delete | Next | Update


class Stored:
    """All items and objects. There is one of the same contents among those that followed from one beginning."""

    def __init__(self, contents: Contents, alike: "dict[frozenset[Any], Stored] | None" = None) -> None:
        self.contents = contents
        self._alike = {} if alike is None else alike
        self._performed: dict[Operation, tuple[Stored, Answer]] = {}

    def after(self, operation: Operation) -> tuple["Stored", Answer]:
        """Return what is stored after an operation, and its answer."""
        if operation not in self._performed:
            self._performed[operation] = self._perform(operation)
        return self._performed[operation]

    def _perform(self, operation: Operation) -> tuple["Stored", Answer]:
        match operation:
            case Get(place):
                return self, self.contents.get(place)
            case Put(place, content):
                return self._with({**self.contents, place: content}), None
            case Delete(place):
                return self._with({kept: held for kept, held in self.contents.items() if kept != place}), None
            case Next(pk, prefix, after):
                return self, self._next(pk, prefix, after)
            case Update(place, arguments):
                updated = _updated(place, self.contents.get(place), arguments)
                return self._with({**self.contents, place: updated}) if updated else self, updated

    def _with(self, contents: Contents) -> "Stored":
        return self._alike.setdefault(frozenset(contents.items()), Stored(contents, self._alike))

    def _next(self, pk: str, prefix: str, after: str) -> Answer:
        sort_keys = [place[1] for place in self.contents if isinstance(place, tuple) and place[0] == pk]
        following = min((sk for sk in sort_keys if sk.startswith(prefix) and sk > after), default=None)
        return None if following is None else self.contents[pk, following]


@cache
def _updated(place: tuple[str, str], item: str | None, arguments: str) -> Answer:
    """Return the item as DynamoDB updates it, False where the condition does not hold."""
    key = {name: {"S": part} for (name, _), part in zip(_KEYS, place, strict=True)}
    backend = _backend()
    if item is not None:
        backend.put_item(TABLE, json.loads(item))
    given: dict[str, Any] = json.loads(arguments)
    try:
        updated = backend.update_item(
            TABLE,
            key,
            update_expression=given["UpdateExpression"],
            expression_attribute_names=given["ExpressionAttributeNames"],
            expression_attribute_values=given["ExpressionAttributeValues"],
            condition_expression=given.get("ConditionExpression"),
        )
    except ConditionalCheckFailed:
        return False
    return json.dumps(updated.to_json()["Attributes"])


def _backend() -> DynamoDBBackend:
    backend = DynamoDBBackend("us-east-1", "123456789012")
    backend.create_table(
        TABLE,
        schema=[{"AttributeName": name, "KeyType": kind} for name, kind in _KEYS],
        attr=[{"AttributeName": name, "AttributeType": "S"} for name, _ in _KEYS],
        **dict.fromkeys(("throughput", "global_indexes", "indexes", "streams", "sse_specification")),
        **dict.fromkeys(("tags", "deletion_protection_enabled", "warm_throughput")),
        billing_mode="PAY_PER_REQUEST",
    )
    return backend
