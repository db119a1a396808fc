"""The schemas of what is sent: a history, and the customers of an assign run.

Their columns have no logical type, for the standard gives a column one type, and these accept several. As the physical
type they have the one that all of them accept: so `datacontract` reads each cell as text, whatever its type is.
"""

from collections.abc import Mapping
from typing import Any

from local.quickstart.project.data_contract import cells, rows
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.customers import CUSTOMER_COLUMNS
from voucher_selection.domain.data_contract import CUSTOMERS, HISTORY
from voucher_selection.domain.history import COLUMNS, Column

type Json = dict[str, Any]

_TIME = "Without an offset it is a clock time of the stage's time zone; a date alone is its midnight."
_OF_CUSTOMER = {
    "country_code": "The country, by name. Upper and lower case make no difference.",
    "last_order_ts": f"When the customer ordered last; null without orders. {_TIME}",
    "first_order_ts": f"When the customer ordered first; null without orders. {_TIME}",
    "total_orders": "The number of the customer's orders.",
}
_WORDS: Mapping[str, Mapping[str, str]] = {
    HISTORY: _OF_CUSTOMER
    | {
        "timestamp": f"When the voucher was given. {_TIME}",
        "voucher_amount": "The amount of the voucher, in the currency of the country.",
    },
    CUSTOMERS: _OF_CUSTOMER
    | {
        "customer_id": "The customer, as the output names them: integers in all files, or text in all files.",
        "segment_name": "The segmentation that answers the row; not needed if the run names one for all rows.",
    },
}
_CELLS = {
    "timestamp": cells.dates,
    "last_order_ts": cells.dates,
    "first_order_ts": cells.dates,
    "total_orders": cells.whole_numbers,
    "voucher_amount": cells.amounts,
}
_UNITS = {"total_orders": "orders", "voucher_amount": "the country's currency"}


def schemas() -> list[Json]:
    """Return the schemas, with a property for each column that the product looks for."""
    return [
        {
            "name": HISTORY,
            "logicalType": "object",
            "physicalType": "file",
            "description": "A history of vouchers: files of parquet, CSV or JSON lines. Other columns are ignored.",
            "dataGranularityDescription": "A row is a voucher that was given to a customer, with the customer's orders"
            " at that time.",
            "properties": [_property(HISTORY, column) | _rules(column) for column in COLUMNS],
            "quality": [_has_rows(), *(_in_words(rule, said) for rule, (said, _) in rows.RULES.items())],
        },
        {
            "name": CUSTOMERS,
            "logicalType": "object",
            "physicalType": "file",
            "description": "The customers of an assign run. A column that no segmentation in use needs may be missing."
            " Other columns are ignored.",
            "dataGranularityDescription": "A row is a customer whose amount is asked for.",
            "properties": [_property(CUSTOMERS, column) for column in CUSTOMER_COLUMNS],
            "quality": [_has_rows()],
        },
    ]


def _property(schema: str, column: Column) -> Json:
    custom = {"acceptedTypes": column.expected}
    if column.name in _UNITS:
        custom["unit"] = _UNITS[column.name]
    return {
        "name": column.name,
        "physicalType": "string",
        "description": _WORDS[schema][column.name],
        "customProperties": [{"property": key, "value": value} for key, value in custom.items()],
    }


def _rules(column: Column) -> Json:
    return {"quality": _CELLS[column.name]()} if column.name in _CELLS else {}


def _has_rows() -> Json:
    return {
        "id": "has_rows",
        "name": "has_rows",
        "description": "A source without rows is refused.",
        "metric": "rowCount",
        "mustBeGreaterThan": 0,
    }


def _in_words(rule: Rule, said: str) -> Json:
    return {"id": rule.value, "name": rule.value, "description": said, "type": "text", "dimension": "consistency"}
