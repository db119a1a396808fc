"""The JSON Schema of what the inbox says of an object, made from the code."""

import json

from voucher_selection.domain.inbox_results import InboxResult


def schema() -> str:
    """Return the schema of a result as JSON text. Keys may be added: a reader should ignore those it does not know."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **InboxResult.model_json_schema()}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
