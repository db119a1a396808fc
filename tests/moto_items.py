"""DynamoDB items in moto's answers, written as they are.

moto looks for each of an attribute's ten types in every value, under several spellings of its name. That is half of the
time of the tests with it. An item is in DynamoDB's form already.
"""

from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from moto.core.serialize import BaseJSONSerializer

_whole = BaseJSONSerializer._serialize_type_structure


def items_as_they_are() -> AbstractContextManager[Any]:
    """Return a context in which moto answers with items as it holds them."""
    return patch.object(BaseJSONSerializer, "_serialize_type_structure", _serialize)


def _serialize(self: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
    held = _attribute(value) if shape.name == "AttributeValue" else None
    if held is None:
        _whole(self, serialized, value, shape, key)
    else:
        self._default_serialize(serialized, held, shape, key)


def _attribute(value: dict[str, Any]) -> dict[str, Any] | None:
    """Return an attribute as DynamoDB writes it, or None if it has bytes or sets, which moto writes."""
    ((kind, held),) = value.items()
    if kind in ("S", "N"):
        return {kind: str(held)}
    if kind in ("BOOL", "NULL"):
        return {kind: held}
    parts = held.values() if kind == "M" else held if kind == "L" else [None]
    written = [_attribute(part) if part else None for part in parts]
    if None in written:
        return None
    return {kind: dict(zip(held, written, strict=True)) if kind == "M" else written}
