"""Every route of the API, asked with its documented example, and requests that must be refused."""

import json
from typing import Any
from urllib.parse import urlencode

from local.quickstart.aws.caller import JSON
from local.quickstart.proof.deployed import Deployed
from local.quickstart.proof.evidence import Evidence
from local.quickstart.proof.given import COUNTRY
from voucher_selection.api.docs_page import FILES
from voucher_selection.api.operations import HTML, OPERATIONS, Operation

PART = "Routes"


def ask_every_route(deployed: Deployed, evidence: Evidence) -> None:
    """Ask each operation of the API's document, and some requests that it must refuse.

    What has no JSON is asked for what it has: a page, as a browser asks for it, or a file.
    """
    run_id = deployed.asked("executions")["runs"][0]["run_id"]
    for operation in OPERATIONS:
        path, body, kind = _request(operation, run_id)
        answer = deployed.caller.ask(path, body, sends=kind or JSON, accepts=_accepted(operation))
        documented = {int(status) for status in operation.answers}
        came = answer.status if answer.status in documented else f"{answer.status} {answer.text[:200]}"
        tried = f"{operation.method} {operation.path}" + (" (a page)" if _accepted(operation) == HTML else "")
        evidence.compare(PART, tried, True, came in documented, says=str(came))
    _refusals(deployed, evidence)


def _request(operation: Operation, run_id: str) -> tuple[str, str | None, str | None]:
    """Return the path, the body and the media type of an operation's example."""
    names = {"{run_id}": run_id, "{file}": next(iter(FILES))}
    path = operation.path
    for name, value in names.items():
        path = path.replace(name, value)
    if operation.query:
        choices = {name: schema["enum"][0] for name, schema in operation.query.items() if "enum" in schema}
        path += f"?{urlencode({'country': COUNTRY, **choices})}"
    if operation.body is None:
        return path.lstrip("/"), None, None
    example: Any = operation.body.example
    is_form = operation.body.media_type != JSON
    return path.lstrip("/"), urlencode(example) if is_form else json.dumps(example), operation.body.media_type


def _accepted(operation: Operation) -> str:
    kinds = {content.media_type for contents in operation.answers.values() for content in contents}
    return JSON if JSON in kinds else next(iter(kinds), HTML)


def _refusals(deployed: Deployed, evidence: Evidence) -> None:
    caller = deployed.caller
    wrong = {
        "a body that is no JSON": ("voucher", "{", 400),
        "a customer without a country": ("voucher", "{}", 422),
        "more than a megabyte": ("voucher", json.dumps({"country_code": "x" * 1_100_000}), 413),
        "a path that does not exist": ("nowhere", "{}", 404),
        "a method that a path does not have": ("health", "{}", 405),
    }
    for tried, (path, body, status) in wrong.items():
        evidence.compare(PART, f"refused: {tried}", status, caller.ask(path, body).status)
    if deployed.stage.auth != "none":
        closed: dict[str, str | None] = {"voucher": "{}", "model": None, "executions": None}
        for path, unproven in closed.items():
            status = caller.ask_unproven(path, unproven).status
            evidence.compare(PART, f"refused without a proof: /{path}", 403, status)
