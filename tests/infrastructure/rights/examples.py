"""The policies of docs/examples, with an account and a region in their places."""

import json
from pathlib import Path
from typing import Any

from tests.infrastructure.rights.every_run import SOURCES
from tests.infrastructure.rights.named import ACCOUNT, REGION
from tests.infrastructure.rights.policies import Statement, statements_of

_FOLDER = Path(__file__).resolve().parents[3] / "docs/examples"
_PLACES = {"<account>": ACCOUNT, "<region>": REGION, "<source bucket>": SOURCES}
BOUNDARY = "VoucherSelectionBoundary"
"""The name that docs/deployment.md gives to the boundary."""
MOST_CHARACTERS = 6_144
"""The longest managed policy that IAM takes, without white space."""


def document_of(name: str) -> dict[str, Any]:
    """Return a policy, filled in."""
    text = (_FOLDER / name).read_text()
    for place, value in _PLACES.items():
        text = text.replace(place, value)
    found: dict[str, Any] = json.loads(text)
    return found


def example(name: str) -> list[Statement]:
    """Return what a policy allows."""
    return list(statements_of(name, document_of(name)))
