"""Events as EventBridge delivers them, and the schemas in docs/events that they must keep to."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

SCHEMAS = Path(__file__).resolve().parents[1] / "docs" / "events"


def schema_of(name: str) -> dict[str, Any]:
    return json.loads((SCHEMAS / f"{name}.json").read_text())


def check(value: Any, schema: dict[str, Any]) -> None:
    """Check a value, its dates and times, too."""
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(value)


def check_event(event: dict[str, Any]) -> None:
    """Check an event against the schema of its type, which must describe every key of the detail."""
    schema = schema_of(event["detail-type"])
    schema["properties"]["detail"]["additionalProperties"] = False
    check(event, schema)
