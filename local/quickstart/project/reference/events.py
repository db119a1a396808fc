"""The JSON Schemas of the events that runs send, made from their declaration."""

import json

from voucher_selection.contract.events import SOURCE, Event


def schema(event: Event) -> str:
    """Return the schema of an event as EventBridge delivers it, as JSON text.

    Keys may be added to a detail, so a consumer should ignore those that it does not know.
    """
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": event.name,
        "description": event.says,
        "type": "object",
        "required": ["source", "detail-type", "detail"],
        "properties": {
            "source": {"const": SOURCE},
            "detail-type": {"const": event.name},
            "detail": {
                "type": "object",
                "required": [field.name for field in event.fields],
                "properties": {field.name: {**field.schema, "description": field.says} for field in event.fields},
            },
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
