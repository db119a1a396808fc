"""What is stored in a table and a bucket, and the operations on it, each of which happens at once.

They are the finest that the services promise: of a batch every item is written by itself, and the pages of a query
have one item each. Conditions and updates are evaluated by moto.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple

from moto.dynamodb.exceptions import TransactionCanceledException
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


class Transact(NamedTuple):
    """Update an item and write others, all at once, if each one's condition holds; the arguments are DynamoDB's.

    The answer is whether they did.
    """

    writes: str


type Operation = Get | Put | Delete | Next | Transact


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
            case Transact(writes):
                places = [_place(write) for write in json.loads(writes)]
                written = _transacted(tuple((place, self.contents.get(place)) for place in places), writes)
                return (self, False) if written is None else (self._with({**self.contents, **dict(written)}), True)

    def _with(self, contents: Contents) -> "Stored":
        return self._alike.setdefault(frozenset(contents.items()), Stored(contents, self._alike))

    def _next(self, pk: str, prefix: str, after: str) -> Answer:
        sort_keys = [place[1] for place in self.contents if isinstance(place, tuple) and place[0] == pk]
        following = min((sk for sk in sort_keys if sk.startswith(prefix) and sk > after), default=None)
        return None if following is None else self.contents[pk, following]


@cache
def _transacted(
    items: tuple[tuple[tuple[str, str], str | None], ...], writes: str
) -> tuple[tuple[tuple[str, str], str], ...] | None:
    """Return the items as DynamoDB writes them, None where a condition does not hold."""
    backend = _backend()
    for _, item in items:
        if item is not None:
            backend.put_item(TABLE, json.loads(item))
    try:
        backend.transact_write_items(json.loads(writes))
    except TransactionCanceledException:
        return None
    found = [(place, backend.get_item(TABLE, _key(place))) for place, _ in items]
    return tuple((place, json.dumps(item.to_json()["Attributes"], sort_keys=True)) for place, item in found if item)


def _key(place: tuple[str, str]) -> dict[str, Any]:
    return {name: {"S": part} for (name, _), part in zip(_KEYS, place, strict=True)}


def _place(write: dict[str, Any]) -> tuple[str, str]:
    ((kind, given),) = write.items()
    key = given["Key"] if kind == "Update" else given["Item"]
    return key["pk"]["S"], key["sk"]["S"]


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
