"""The schemas of what runs write, with the types of the Arrow schemas that they are written with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from local.quickstart.project.data_contract import columns, rows
from voucher_selection.contract.bucket import COUNTS, MODES, QUARANTINE
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain import quarantine
from voucher_selection.domain.counts import COUNTS_SCHEMA
from voucher_selection.domain.parsing import TIMESTAMP
from voucher_selection.domain.rules import CLEANED_SCHEMA
from voucher_selection.pipeline.assignments import output_schema
from voucher_selection.pipeline.publishing import MODES_SCHEMA

type Json = dict[str, Any]

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


def schemas() -> list[Json]:
    """Return the schemas, with a property for each column of a file and for each part of its path."""
    return [
        _schema(
            "cleaned",
            CLEANED_SCHEMA,
            columns.CLEANED,
            "The rows that count, typed. They are deleted after the stage's `staging_days`.",
            "A row is a kept assignment.",
            quality=[_none(rule.value, said, wrong) for rule, (said, wrong) in rows.RULES.items()],
        ),
        _schema(
            COUNTS,
            COUNTS_SCHEMA,
            columns.COUNTS,
            "What a model is made from. Each assignment is counted once for each measure that it has a value of.",
            "A row is a combination of country, day, measure, value and amount.",
            quality=[_unique(name for name in COUNTS_SCHEMA.names if name != "rows")],
        ),
        _schema(
            MODES,
            MODES_SCHEMA,
            columns.MODES,
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
            columns.QUARANTINE,
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
        columns.ASSIGNED,
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


def _unique(names: Iterable[str]) -> Json:
    return {
        "id": "one_row_each",
        "name": "one_row_each",
        "description": "A run has each combination once.",
        "metric": "duplicateValues",
        "dimension": "uniqueness",
        "arguments": {"properties": ["run_id", *names]},
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
