"""The table of the API's operations: what each route takes, answers, and refuses.

A route is a function in the API's handler and an entry here: the document (`openapi`), the methods that a path has, and
the tests are made from the table. It is imported where one of these is asked for, not for a lookup.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from voucher_selection import docs_page, problems
from voucher_selection.bulk_lookups import MOST_CUSTOMERS, BulkAnswer
from voucher_selection.errors import NoModel, NoSegment, NoSupport, UnknownCountry
from voucher_selection.health import Health
from voucher_selection.lookups import InvalidLookup, LookupRequest, SelectionCriteria, VoucherAnswer
from voucher_selection.model_cache import CatalogUnreachable
from voucher_selection.request_bodies import FORM, JSON

type Schema = type[Any] | dict[str, Any]

HTML = "text/html"
_TEXT: dict[str, Any] = {"type": "string"}


class Content(NamedTuple):
    """A body: its media type, and its schema: a type of the code, or a schema as it is written."""

    media_type: str
    schema: Schema
    example: object = None


class Operation(NamedTuple):
    """One method of one path.

    `path` has its variables in braces, `parameters` their schemas. `answers` are the bodies by status, `refusals` the
    errors that are answered as problems; `is_open` is who asks without a key where the stage has one.
    """

    method: str
    path: str
    summary: str
    answers: Mapping[HTTPStatus, tuple[Content, ...]]
    description: str = ""
    parameters: Mapping[str, dict[str, Any]] = MappingProxyType({})
    body: Content | None = None
    refusals: tuple[type[Exception], ...] = ()
    is_open: bool = False


_MODEL = (NoModel, CatalogUnreachable)
_BODY = (problems.MalformedBody, problems.BodyTooLarge, problems.UnsupportedMediaType)
_LOOKUP = (InvalidLookup, UnknownCountry, NoSegment, NoSupport)

_CUSTOMER = {
    "customer_id": 123,
    "country_code": "Peru",
    "total_orders": 15,
    "segment_name": "recency_segment",
    "last_order_ts": "2018-05-03 00:00:00",
    "first_order_ts": "2017-05-03 00:00:00",
}
_MODEL_OF_ANSWER = {"version": "20261123T001000293Z-run-6f5b966c", "cur_date": "2018-09-15"}
_MODEL_FACTS = {**_MODEL_OF_ANSWER, "published_at": "2026-11-23T00:10:00.293000+00:00", "run_id": "run-6f5b966c"}
_VOUCHER = {
    "voucher_amount": 2640.0,
    "customer_id": 123,
    "country_code": "Peru",
    "segment_name": "recency_segment",
    "segment": "121-180",
    "support": 2055,
    "share": 0.5630170316301704,
}
_NO_SEGMENT = {
    "status": 404,
    "code": "no_segment",
    "detail": "days_since_last_order is 12 (on 2018-09-15), in no segment of recency_segment: "
    "30-60, 61-90, 91-120, 121-180, 180+",
}
_SEGMENT = {
    "country_code": "Peru",
    "segment_name": "recency_segment",
    "segment": "180+",
    "lower": 181,
    "upper": None,
    "voucher_amount": 3520.0,
    "support": 4,
    "share": 0.5,
    "assignments": [{"voucher_amount": 3520.0, "count": 2}, {"voucher_amount": 2640.0, "count": 1},
                    {"voucher_amount": 4400.0, "count": 1}],
}  # fmt: skip
# A form's fields are text, and any that are not there are as if they were blank.
_FORM_SCHEMA = {
    "type": "object",
    "properties": dict.fromkeys(LookupRequest.model_fields, _TEXT),
    "required": ["country_code", "segment_name"],
}
_BULK_SCHEMA = {
    "type": "object",
    "properties": {
        "customers": {
            "description": "Each is what `POST /voucher` takes; one that is not is answered with its problem",
            "type": "array",
            "items": {},
            "minItems": 1,
            "maxItems": MOST_CUSTOMERS,
        }
    },
    "required": ["customers"],
}
_PAGE = (Content(HTML, _TEXT),)

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/voucher",
        "Which amount a customer should get",
        {HTTPStatus.OK: (Content(JSON, VoucherAnswer, {**_VOUCHER, "model": _MODEL_OF_ANSWER}),)},
        body=Content(JSON, LookupRequest, _CUSTOMER),
        refusals=(problems.MalformedJson, *_BODY, *_LOOKUP, *_MODEL),
    ),
    Operation(
        "POST",
        "/vouchers",
        "Which amounts many customers should get",
        {
            HTTPStatus.OK: (
                Content(
                    JSON,
                    BulkAnswer,
                    {
                        "model": _MODEL_OF_ANSWER,
                        "vouchers": [_VOUCHER, {"problem": _NO_SEGMENT, "customer_id": 124}],
                    },
                ),
            )
        },
        description="A customer with a problem changes nothing for the others.",
        body=Content(
            JSON,
            _BULK_SCHEMA,
            {"customers": [_CUSTOMER, {**_CUSTOMER, "customer_id": 124, "last_order_ts": "2018-09-03"}]},
        ),
        refusals=(problems.MalformedJson, *_BODY, InvalidLookup, *_MODEL),
    ),
    Operation(
        "GET",
        "/selection_criteria",
        "Every segment with its mode",
        {
            HTTPStatus.OK: (
                Content(JSON, SelectionCriteria, {"model": _MODEL_FACTS, "segments": [_SEGMENT]}),
                Content(HTML, _TEXT),
            )
        },
        description="A table for whoever prefers a page.",
        refusals=_MODEL,
    ),
    Operation(
        "GET",
        "/search_voucher",
        "A form to look up one customer",
        {HTTPStatus.OK: _PAGE, HTTPStatus.SERVICE_UNAVAILABLE: _PAGE},
        refusals=(CatalogUnreachable,),
    ),
    Operation(
        "POST",
        "/search_voucher",
        "The form with its answer",
        {
            HTTPStatus.OK: _PAGE,
            HTTPStatus.NOT_FOUND: _PAGE,
            HTTPStatus.UNPROCESSABLE_ENTITY: _PAGE,
            HTTPStatus.SERVICE_UNAVAILABLE: _PAGE,
        },
        description="Problems of the fields stand beside them, on the page.",
        body=Content(FORM, _FORM_SCHEMA, {name: str(value) for name, value in _CUSTOMER.items()}),
        refusals=(*_BODY, CatalogUnreachable),
    ),
    Operation(
        "GET",
        "/health",
        "The served model and its age",
        {HTTPStatus.OK: (Content(JSON, Health, {"status": "ok", "model": {**_MODEL_FACTS, "age_seconds": 86}}),)},
        refusals=_MODEL,
        is_open=True,
    ),
    Operation(
        "GET",
        "/openapi.json",
        "This document",
        {HTTPStatus.OK: (Content(JSON, {"type": "object"}),)},
        is_open=True,
    ),
    Operation("GET", "/docs", "This document, to explore and try", {HTTPStatus.OK: _PAGE}, is_open=True),
    Operation(
        "GET",
        "/docs/{file}",
        "What the page `/docs` is made of",
        {HTTPStatus.OK: (Content("text/javascript", _TEXT), Content("text/css", _TEXT))},
        parameters={"file": {"type": "string", "enum": list(docs_page.FILES)}},
        refusals=(problems.NoRoute,),
        is_open=True,
    ),
)


def allowed_methods(path: str) -> tuple[str, ...]:
    """Return the methods that a path has; none where there is no such path."""
    own = {operation.method for operation in OPERATIONS if _matches(operation.path, path)}
    implied = {"OPTIONS"} | ({"HEAD"} if "GET" in own else set())
    return tuple(sorted(own | implied)) if own else ()


def _matches(template: str, path: str) -> bool:
    parts = re.split(r"\{\w+\}", template)
    return re.fullmatch("[^/]+".join(map(re.escape, parts)), path) is not None
