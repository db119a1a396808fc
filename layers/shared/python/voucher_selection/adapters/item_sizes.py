"""The size of an item of DynamoDB, computed by DynamoDB's rules before the item is written.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

# DynamoDB allows 400 KiB. A version's item gets more attributes later, when it expires.
LARGEST_ITEM = 400_000
# The magnitudes that DynamoDB can store, besides zero.
SMALLEST_NUMBER, LARGEST_NUMBER = Decimal("1e-130"), Decimal("9.9999999999999999999999999999999999999e125")
_OF_COLLECTION = 3
_OF_ELEMENT = 1


def item_size(item: Mapping[str, Any]) -> int:
    """Return the size of an item in bytes: the names of its attributes and their values."""
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def value_size(value: object) -> int:
    """Return the size in bytes of a value: text, a number, None, true or false, or a list or map of these."""
    match value:
        case None | bool():
            return 1
        case str():
            return len(value.encode())
        case int() | Decimal():
            return _number_size(Decimal(value))
        case list():
            return _OF_COLLECTION + sum(_OF_ELEMENT + value_size(element) for element in value)
        case dict():
            return _OF_COLLECTION + len(value) * _OF_ELEMENT + item_size(value)
    raise TypeError(f"expected a value of an item of the catalog, got {type(value)}")


def _number_size(number: Decimal) -> int:
    """Return the size of a number: one byte, one for every two significant digits, and one for a minus sign."""
    significant = len("".join(map(str, number.as_tuple().digits)).strip("0"))
    return 1 + (significant + 1) // 2 + (number < 0) + 1  # one more: a pair may begin at an odd place
