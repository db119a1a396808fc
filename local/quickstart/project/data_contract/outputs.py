"""The schemas of what runs write, with the types of the Arrow schemas that they are written with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

import pyarrow as pa

from voucher_selection.contract.bucket import COUNTS, MODES, QUARANTINE
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain import quarantine
from voucher_selection.domain.counts import COUNTS_SCHEMA
from voucher_selection.domain.fallbacks import Basis
from voucher_selection.domain.history import COLUMN_NAMES
from voucher_selection.domain.lookups import CODES
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.parsing import TIMESTAMP
from voucher_selection.domain.rules import CLEANED_SCHEMA
from voucher_selection.pipeline.assignments import output_schema
from voucher_selection.pipeline.publishing import MODES_SCHEMA

type Json = dict[str, Any]

_CURRENCY = "the country's currency"
_PROBLEMS = CODES.values()
_CLOCK = "a clock time of the stage's time zone"
_LOGICAL: Mapping[pa.DataType, Json] = {
    pa.string(): {"logicalType": "string", "physicalType": "varchar"},
    pa.int64(): {"logicalType": "integer", "physicalType": "bigint"},
    pa.float64(): {"logicalType": "number", "physicalType": "double"},
    pa.date32(): {"logicalType": "date", "physicalType": "date"},
    TIMESTAMP: {
        "logicalType": "timestamp",
        "logicalTypeOptions": {"timezone": False},
        "physicalType": "timestamp_ntz",
    },
}


def _column(said: str, *, required: bool = False, unit: str = "", one_of: Iterable[str] = (), **bounds: float) -> Json:
    """Return what the contract says of a column besides its name and type."""
    found: Json = {"description": said}
    if required:
        found["required"] = True
    if bounds:
        found["logicalTypeOptions"] = bounds
    if values := [{"value": str(value)} for value in one_of]:
        found["enum"] = values
    if unit:
        found["customProperties"] = [{"property": "unit", "value": unit}]
    return found


_RUN = {
    "name": "run_id",
    **_LOGICAL[pa.string()],
    "description": "The run, from the folder `run_id=<id>`.",
    "required": True,
    "partitioned": True,
    "partitionKeyPosition": 1,
}
_RULE = {
    "name": "rule",
    **_LOGICAL[pa.string()],
    "description": "The first cleaning rule that the row breaks, from the folder `rule=<rule>`.",
    "required": True,
    "partitioned": True,
    "partitionKeyPosition": 2,
    "enum": [{"value": rule.value, "description": rule.label} for rule in Rule],
}
_COUNTRY = _column("The country, as the run's input spells it.", required=True)

_CLEANED: Mapping[str, Json] = {
    "timestamp": _column(f"When the voucher was given: {_CLOCK}."),
    "country_code": _COUNTRY,
    "last_order_ts": _column(f"The customer's last order: {_CLOCK}."),
    "first_order_ts": _column(f"The customer's first order: {_CLOCK}."),
    "total_orders": _column("The number of the customer's orders.", required=True, unit="orders", minimum=0),
    "voucher_amount": _column("The amount of the voucher.", required=True, unit=_CURRENCY, minimum=0),
}
_COUNTS: Mapping[str, Json] = {
    "country_code": _COUNTRY,
    "assigned_on": _column("The day on which the vouchers were given, in the stage's time zone; null if unknown."),
    "measure": _column("What the value measures.", required=True, one_of=Measure),
    "value": _column(
        "The value that the measure counts: a number of orders; for days and months since an order, its day (of the"
        " month, the first) as days since 1970-01-01; for days between order and voucher, these days.",
        required=True,
    ),
    "voucher_amount": _column("The amount of the vouchers.", required=True, unit=_CURRENCY, minimum=0),
    "rows": _column("The number of kept assignments.", required=True, minimum=1),
}
_MODES: Mapping[str, Json] = {
    "country_code": _COUNTRY,
    "segment_name": _column("The segmentation.", required=True),
    "segment": _column("The segment.", required=True),
    "lower": _column("The least value of the segment; null for the one of all values outside the ranges."),
    "upper": _column("The largest value of the segment; null if it is open upwards, or of all values outside."),
    "voucher_amount": _column(
        "The amount used most, the smallest of equally frequent ones. Null without support.", unit=_CURRENCY
    ),
    "support": _column("The number of assignments in the segment.", required=True, minimum=0),
    "share": _column("The share of the support that has this amount. Null without support.", minimum=0, maximum=1),
    "assignments": _column("All amounts of the segment with their assignments, the mode first.", required=True),
    "assignments.voucher_amount": _column("An amount.", unit=_CURRENCY),
    "assignments.count": _column("The number of its assignments."),
}
_QUARANTINE: Mapping[str, Json] = {
    **{name: _column(f"`{name}` of the history, as text, as it was.") for name in COLUMN_NAMES},
    "file": _column("The key of the landed file; `plan.json` of the run has its source.", required=True),
    "row": _column("The row's index in the file, from 0.", required=True, minimum=0),
}
_ASSIGNED: Mapping[str, Json] = {
    "customer_id": _column("The customer, as the file names them."),
    "country_code": _column("The country, as the file spells it."),
    "segment_name": _column("The segmentation that answers."),
    "segment": _column("The customer's segment."),
    "voucher_amount": _column("The customer's amount; null with a problem.", unit=_CURRENCY),
    "problem": _column("Why there is no amount: the code of the API's problem. Null with an amount.", one_of=_PROBLEMS),
    "basis": _column("What the amount rests on. Null with a problem.", one_of=get_args(Basis.__value__)),
}


def schemas() -> list[Json]:
    """Return the schemas, with a property for each column of a file and for each part of its path."""
    return [
        _schema(
            "cleaned",
            CLEANED_SCHEMA,
            _CLEANED,
            "The rows that count, typed. They are deleted after the stage's `staging_days`.",
            "A row is a kept assignment.",
            quality=[
                _none("last_before_first", "The last order is not before the first.", "last_order_ts < first_order_ts"),
                _none(
                    "zero_orders_with_dates",
                    "A customer without orders has no date of an order.",
                    "total_orders = 0 AND coalesce(last_order_ts, first_order_ts) IS NOT NULL",
                ),
            ],
        ),
        _schema(
            COUNTS,
            COUNTS_SCHEMA,
            _COUNTS,
            "What a model is made from. Each assignment is counted once for each measure that it has a value of.",
            "A row is a combination of country, day, measure, value and amount.",
            quality=[_unique(name for name in COUNTS_SCHEMA.names if name != "rows")],
        ),
        _schema(
            MODES,
            MODES_SCHEMA,
            _MODES,
            "The model of a run: the amount used most in each segment.",
            "A row is a segment of a country.",
            quality=[
                _unique(("country_code", "segment_name", "segment")),
                _none(
                    "amount_with_support",
                    "A segment has an amount if, and only if, it has support.",
                    "(voucher_amount IS NULL) <> (support = 0)",
                ),
            ],
        ),
        _schema(
            QUARANTINE,
            quarantine.SCHEMA,
            _QUARANTINE,
            "The rejected rows, as text. They are deleted after the stage's `quarantine_days`.",
            "A row is a row of the history that breaks a cleaning rule.",
            path=(_RUN, _RULE),
        ),
        _assigned("assigned", pa.int64(), "are numbers"),
        _assigned("assigned_text_ids", pa.string(), "are text"),
    ]


def _assigned(name: str, customer_id: pa.DataType, ids: str) -> Json:
    return _schema(
        name,
        output_schema(customer_id),
        _ASSIGNED,
        f"The amounts of an assign run whose customers' ids {ids}. They are deleted after the stage's `assigned_days`.",
        "A row is a customer, in the order of the input.",
        quality=[
            _none(
                "amount_or_problem",
                "A customer has an amount with its basis, or a problem.",
                "(voucher_amount IS NULL) <> (problem IS NOT NULL) OR (basis IS NULL) <> (problem IS NOT NULL)",
            )
        ],
    )


def _schema(
    name: str,
    schema: pa.Schema,
    words: Mapping[str, Json],
    said: str,
    of_row: str,
    *,
    path: Sequence[Json] = (_RUN,),
    quality: Sequence[Json] = (),
) -> Json:
    return {
        "name": name,
        "logicalType": "object",
        "physicalType": "files",
        "description": said,
        "dataGranularityDescription": of_row,
        "properties": [*path, *({"name": field.name} | _element(field.type, words, field.name) for field in schema)],
    } | ({"quality": list(quality)} if quality else {})


def _element(kind: pa.DataType, words: Mapping[str, Json], place: str) -> Json:
    """Return what the contract says of values of a type; `place` is the column, or the path of a field in it."""
    said = words[place]
    if pa.types.is_list(kind):
        of_each = {"logicalType": "object", "properties": _fields(kind.value_type, words, place)}
        return {"logicalType": "array", **said, "items": of_each}
    options = _LOGICAL[kind].get("logicalTypeOptions", {}) | said.get("logicalTypeOptions", {})
    return _LOGICAL[kind] | said | ({"logicalTypeOptions": options} if options else {})


def _fields(kind: pa.StructType, words: Mapping[str, Json], place: str) -> list[Json]:
    return [{"name": field.name} | _element(field.type, words, f"{place}.{field.name}") for field in kind]


def _unique(columns: Iterable[str]) -> Json:
    return {
        "id": "one_row_each",
        "name": "one_row_each",
        "description": "A run has each combination once.",
        "metric": "duplicateValues",
        "dimension": "uniqueness",
        "arguments": {"properties": ["run_id", *columns]},
        "mustBe": 0,
    }


def _none(name: str, said: str, wrong: str) -> Json:
    """Return the rule that no row is wrong; `wrong` is a condition in SQL."""
    return {
        "id": name,
        "name": name,
        "description": said,
        "type": "sql",
        "dimension": "consistency",
        "query": f"SELECT count(*) FROM ${{table}} WHERE {wrong}",
        "mustBe": 0,
    }
