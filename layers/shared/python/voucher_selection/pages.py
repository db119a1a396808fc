"""The web pages: HTML made from the same answers that the JSON routes give."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from voucher_selection.served_model import ServedModel

CONTENT_TYPE = "text/html; charset=utf-8"
_TEMPLATES = Path(__file__).with_name("templates")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> str:
    return (_TEMPLATES / "style.css").read_text(encoding="utf-8")


@cache
def security_headers() -> Mapping[str, str]:
    """Return the headers of every page: nothing is loaded, nothing runs, only our own style applies."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def lookup_page(
    model: ServedModel | None,
    fields: Mapping[str, str],
    answer: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    notice: str | None = None,
) -> str:
    """Return the form, filled with `fields`, with the answer, the errors by field, or a notice beside it."""
    return _render(
        "search_voucher.html",
        countries=model.countries if model else (),
        segmentations=model.definitions.names if model else (),
        fields=fields,
        answer=answer,
        errors=errors or {},
        notice=notice,
    )


def criteria_page(criteria: Mapping[str, Any]) -> str:
    """Return the segments of a model as a table."""
    return _render("selection_criteria.html", **criteria)


def problem_page(status: int, title: str, detail: str) -> str:
    """Return an error for a person."""
    return _render("problem.html", status=status, title=title, detail=detail)


def _render(template: str, **values: object) -> str:
    return _environment().get_template(template).render(style=_style(), **values)
