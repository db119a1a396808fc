"""The page of a run's input and result, made from the models that check and write them."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

from local.quickstart.project.reference import markdown
from voucher_selection.domain import (
    assigned_on,
    assignment_costs,
    gate,
    overlaps,
    plans,
    segments,
    striking_dates,
    text_formats,
    totals,
    what_if,
    windows,
)
from voucher_selection.domain.kinds import KINDS, Kind

type Json = dict[str, Any]

_INPUTS = {kind.request for kind in KINDS.values()}
_RESULTS = {
    summary: " or ".join(mode for mode, kind in KINDS.items() if kind.summary is summary)
    for summary in dict.fromkeys(kind.summary for kind in KINDS.values())
}
"""Each result, with the modes whose result it is."""

_PARTS = (
    windows.Window,
    text_formats.CsvOptions,
    gate.Thresholds,
    segments.SegmentDefinitions,
    segments.Segmentation,
    segments.Segment,
)
_PARTS_OF_RESULTS = (
    totals.Totals,
    plans.LeftOut,
    plans.UnusableSources,
    plans.UnusableSource,
    text_formats.Texts,
    text_formats.TextFiles,
    text_formats.TextFormat,
    text_formats.Hint,
    striking_dates.StrikingDate,
    assigned_on.AssignedOn,
    overlaps.CountedAgain,
    what_if.SegmentChange,
    assignment_costs.AssignmentCost,
    assignment_costs.CostOfCountry,
    assignment_costs.CostOfAmount,
)
_TABLES = {part.__name__ for part in (*_PARTS, *_PARTS_OF_RESULTS)}


def page() -> str:
    """Return the page."""
    return markdown.page(
        "A run's input and result",
        "requests.py, gate.py, segments.py and summaries.py",
        "The input of an execution of the state machine, and the body of `POST /executions`. What each kind of run"
        " does: [the pipeline](../pipeline.md). Other keys are refused; the error names every problem at once.",
        *(_input(mode, kind) for mode, kind in KINDS.items()),
        "## Parts of an input",
        *(_part(model) for model in _PARTS),
        "## Results",
        "The execution's output, and `runs/run_id=<id>/run.json`. Times are ISO 8601 in UTC.",
        *(_part(model, modes) for model, modes in _RESULTS.items()),
        "## Parts of a result",
        *(_part(model) for model in _PARTS_OF_RESULTS),
    )


def _input(mode: str, kind: Kind) -> str:
    shown = f"```json\n{json.dumps(kind.example)}\n```"
    return "\n\n".join([f"## {mode}", _as_json(markdown.docstring(kind.request)), shown, _keys(kind.request)])


def _part(model: type[BaseModel], title: str = "") -> str:
    return "\n\n".join([f"### {title or model.__name__}", _as_json(markdown.docstring(model)), _keys(model)])


def _as_json(text: str) -> str:
    """Return text of a docstring with the constants of JSON instead of Python's."""
    for constant, name in {"None": "null", "True": "true", "False": "false"}.items():
        text = re.sub(rf"\b{constant}\b", f"`{name}`", text)
    return text


def _keys(model: type[BaseModel]) -> str:
    """Return the table of a model's keys; an input's table says what happens without a key."""
    schema = model.model_json_schema()
    schema = schema.get("anyOf", [schema])[0]  # a part may be written as text, too
    said, required = markdown.attributes(model), schema.get("required", ())
    columns: dict[str, Callable[[str], str]] = {"key": lambda name: f"`{name}`"}
    columns["value"] = lambda name: _values(schema["properties"][name], schema.get("$defs", {}))
    if model in _INPUTS or model in _PARTS:
        columns["without it"] = lambda name: "refused" if name in required else _default(schema["properties"][name])
    if said:
        columns[""] = lambda name: said[name]
    return markdown.table(list(columns), [[cell(name) for cell in columns.values()] for name in schema["properties"]])


def _default(field: Json) -> str:
    return "" if field.get("default") is None else f"`{json.dumps(field['default'])}`"


def _values(field: Json, parts: Json) -> str:
    return " or ".join(dict.fromkeys(_alternatives(field, parts)))


def _alternatives(field: Json, parts: Json) -> Iterator[str]:
    """Yield in words what a field may be; a part with its own table is a link."""
    if "anyOf" in field:
        for one in field["anyOf"]:
            yield from _alternatives(one, parts)
    elif "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        yield from [f"[{name}](#{name.lower()})"] if name in _TABLES else _alternatives(parts[name], parts)
    elif choices := _choices(field):
        yield ", ".join(f"`{choice}`" for choice in choices)
    elif field["type"] == "array":
        of_each = field.get("prefixItems", [field.get("items")])
        count = f"{len(of_each)}: " if len(of_each) > 1 else ""
        yield f"a list of {count}{_values(of_each[0], parts)}"
    elif field["type"] == "object":
        yield f"by name: {_values(field['additionalProperties'], parts)}"
    else:
        yield _scalar(field)


def _scalar(field: Json) -> str:
    if field["type"] == "null":
        return "null"
    if "format" in field:
        return {"date": "a date like `2018-09-15`", "date-time": "a time"}[field["format"]]
    name = {"integer": "a whole number", "number": "a number", "boolean": "`true`, `false`", "string": "text"}
    bounds = []
    if "minimum" in field or "exclusiveMinimum" in field:
        bounds.append(f">= {field['minimum']}" if "minimum" in field else f"> {field['exclusiveMinimum']}")
    if "maximum" in field:
        bounds.append(f"<= {field['maximum']}")
    if "maxLength" in field:
        bounds.append(f"of at most {field['maxLength']} characters")
    if "pattern" in field:
        bounds.append(f"that matches `{field['pattern']}`")
    return " ".join([name[field["type"]], ", ".join(bounds)]).strip()


def _choices(field: Json) -> list[str]:
    return [field["const"]] if "const" in field else field.get("enum", [])
