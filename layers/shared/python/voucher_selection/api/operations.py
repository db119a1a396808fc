"""The table of the API's operations: each route's input, answers and problems.

A route is a function in the API's handlers and an entry here. The OpenAPI document, the list of a path's methods, and
tests are made from this table. A lookup does not import it.
"""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAliasType

from pydantic import TypeAdapter

from voucher_selection.api import docs_page, examples, problems
from voucher_selection.api.bulk_lookups import MOST_CUSTOMERS, BulkAnswer
from voucher_selection.api.csv_tables import TABLES
from voucher_selection.api.health import Health
from voucher_selection.api.model_cache import CatalogUnreachable
from voucher_selection.api.model_parts import VERSION_PATTERN
from voucher_selection.api.model_report import KeptVersions, ModelReport
from voucher_selection.api.request_bodies import FORM, JSON
from voucher_selection.api.run_reports import ListedRuns, RunReport, StartedRun
from voucher_selection.api.uploads import Upload
from voucher_selection.contract.api import OPEN_PATHS, SHELL_PATHS
from voucher_selection.contract.runs import RUN_KINDS
from voucher_selection.domain import errors
from voucher_selection.domain.lookups import AskedFallback, InvalidLookup, LeastSupport, LookupRequest, VoucherAnswer
from voucher_selection.domain.model_document import SelectionCriteria
from voucher_selection.domain.offline_model import OfflineModel
from voucher_selection.domain.ranges_found import BestRanges
from voucher_selection.domain.requests import BestRangesRequest, RunRequest, WhatIfRequest
from voucher_selection.domain.sql_dialects import DIALECTS
from voucher_selection.domain.uploads import UploadRequest
from voucher_selection.domain.what_if import WhatIf

type Schema = type[Any] | TypeAliasType | dict[str, Any]

HTML = "text/html"
CSV = "text/csv"
SQL = "application/sql"
_TEXT: dict[str, Any] = {"type": "string"}


class Content(NamedTuple):
    """A body: its media type, its schema (a type of the code, or a JSON schema), and an example."""

    media_type: str
    schema: Schema
    example: object = None


class Tag(NamedTuple):
    """A group of operations in the document and its explorer: its name, and what the operations are for."""

    name: str
    description: str


LOOKUPS = Tag("lookups", "The amounts that customers should get.")
MODEL = Tag("model", "What the served model was made from, its versions and exports, and what would change it.")
RUNS = Tag("runs", "Start runs, and follow them.")
OPERATION = Tag("operation", "Whether the API serves a model, and what it offers.")
PAGES = Tag("pages", "The same for people, as pages.")
TAGS = (LOOKUPS, MODEL, RUNS, OPERATION, PAGES)
"""In the order in which they are shown."""


class Operation(NamedTuple):
    """One method of one path, which has its variables in braces: the bodies of its answers by status, and its input.

    `parameters` and `query` are the schemas of the path's variables and of the query's; `refusals` are the errors that
    become problems.
    """

    tag: Tag
    method: str
    path: str
    summary: str
    answers: Mapping[HTTPStatus, tuple[Content, ...]]
    description: str = ""
    parameters: Mapping[str, dict[str, Any]] = MappingProxyType({})
    query: Mapping[str, dict[str, Any]] = MappingProxyType({})
    body: Content | None = None
    refusals: tuple[type[Exception], ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether nobody has to prove anything for it."""
        return self.path in OPEN_PATHS

    @property
    def is_shell(self) -> bool:
        """Whether it is a page that, where the stage asks for a key, holds no data and needs no key."""
        return self.method == "GET" and self.path in SHELL_PATHS


_MODEL = (errors.NoModel, CatalogUnreachable)
# What the catalog keeps apart from what lookups read, for one of its versions.
_AMOUNTS = (errors.UnreadableItem, errors.CatalogUnavailable)
_BODY = (problems.MalformedBody, problems.BodyTooLarge, problems.UnsupportedMediaType)
_COUNTS = (
    errors.NoCounts, errors.OldCounts, errors.EmptyWindow, errors.TooManyAmounts, errors.ModelTooLarge,
    errors.ObjectAltered, errors.ObjectMissing, errors.LakeUnavailable, errors.CatalogUnavailable,
    problems.WhatIfBusy,
)  # fmt: skip
_LOOKUP = (InvalidLookup, errors.UnknownCountry, errors.NoSegment, errors.NoSupport)

# A form's fields are text; missing fields count as blank.
_FORM_SCHEMA = {
    "type": "object",
    "properties": dict.fromkeys(LookupRequest.model_fields, _TEXT),
    "required": ["country_code", "segment_name"],
}
_BULK_SCHEMA = {
    "type": "object",
    "properties": {
        "customers": {
            "description": "Each is a body of `POST /voucher`; an invalid one is answered with its problem",
            "type": "array",
            "items": {},
            "minItems": 1,
            "maxItems": MOST_CUSTOMERS,
        }
    },
    "required": ["customers"],
}
_PAGE = (Content(HTML, _TEXT),)
_START: dict[str, Any] = {"type": "integer", "minimum": 0}
_PART: dict[str, dict[str, Any]] = {"start": _START, "version": {"type": "string", "pattern": VERSION_PATTERN}}
_IN_PARTS = "If it is too large for one answer, `next` has the query of the next part."
_CSV = "If the table is too large for one answer, the header `Link` has the query of the next part."
_RUN_ID: dict[str, Any] = {"type": "string", "pattern": "^[A-Za-z0-9_.+=@-]{1,80}$"}
_RUN_FORM_SCHEMA = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("mode", "source", "countries", "cur_date", "window", "overlap", "version"), _TEXT),
        "form": {**_TEXT, "description": "The form of the page that shows what is wrong: `history` or `file`"},
        "segments": {**_TEXT, "description": "Definitions of segments, as JSON"},
    },
}
_WHAT_IF_FIELDS = (
    *("what_if", "cur_date", "window", "ranges_0", "ranges_1", "ranges_2"),
    *("added_name", "added_measure", "added_ranges"),
)
_BEST_RANGES_FIELDS = ("best_ranges", "measure", "countries", "most_ranges", "least_support", "best_window")


def _pages(
    path: str,
    summary: str,
    answers: Mapping[HTTPStatus, tuple[Content, ...]] = MappingProxyType({HTTPStatus.OK: _PAGE}),
    *,
    body: Content | None = None,
    refusals: tuple[type[Exception], ...] = (),
    **more: Any,  # noqa: ANN401 - fields of Operation
) -> Iterator[Operation]:
    """Yield the operations of a page, and of its view, which has the data if a stage asks for a key."""
    method = "POST" if body else "GET"
    page = Operation(PAGES, method, path, summary, answers, body=body, refusals=refusals, **more)
    yield page
    yield page._replace(path=f"/views{path}", summary=f"{summary}: with its data, on every stage")


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        LOOKUPS,
        "POST",
        "/voucher",
        "The amount that a customer should get",
        {HTTPStatus.OK: (Content(JSON, VoucherAnswer, {**examples.VOUCHER, "model": examples.MODEL_OF_ANSWER}),)},
        body=Content(JSON, LookupRequest, examples.CUSTOMER),
        refusals=(problems.MalformedJson, *_BODY, *_LOOKUP, *_MODEL),
    ),
    Operation(
        LOOKUPS,
        "POST",
        "/vouchers",
        "The amounts that many customers should get",
        {HTTPStatus.OK: (Content(JSON, BulkAnswer, examples.VOUCHERS),)},
        description="A customer with a problem does not affect the others.",
        body=Content(JSON, _BULK_SCHEMA, examples.CUSTOMERS),
        refusals=(problems.MalformedJson, *_BODY, InvalidLookup, *_MODEL),
    ),
    Operation(
        MODEL,
        "GET",
        "/selection_criteria",
        "Every segment and country with its mode",
        {
            HTTPStatus.OK: (
                Content(JSON, SelectionCriteria, examples.SELECTION_CRITERIA),
                Content(HTML, _TEXT),
            )
        },
        description=f"If `Accept` prefers a page, a table. {_IN_PARTS}",
        query=_PART,
        refusals=(InvalidLookup, errors.NoVersion, *_AMOUNTS, *_MODEL),
    ),
    Operation(
        MODEL,
        "GET",
        "/model",
        "The analysis of the served model",
        {HTTPStatus.OK: (Content(JSON, ModelReport, examples.MODEL_REPORT),)},
        description=f"What the model was made from, and how clear the mode of each segment is. {_IN_PARTS}",
        query=_PART,
        refusals=(InvalidLookup, errors.NoVersion, *_AMOUNTS, *_MODEL),
    ),
    Operation(
        MODEL,
        "GET",
        "/model.json",
        "The model to answer lookups without the API",
        {HTTPStatus.OK: (Content(JSON, OfflineModel, examples.OFFLINE_MODEL),)},
        description="All that an answer of `POST /voucher` depends on. The documentation says how to read it, and has"
        " readers in Python and JavaScript.",
        query={"version": _PART["version"]},
        refusals=(errors.NoVersion, *_AMOUNTS, *_MODEL),
    ),
    Operation(
        MODEL,
        "GET",
        "/model.sql",
        "The model to answer customers in a database",
        {HTTPStatus.OK: (Content(SQL, _TEXT, examples.MODEL_SQL),)},
        description="One query, which answers each row of a table of customers as `POST /voucher`: with an amount, or"
        " with the code of the problem. `fallback` and `least_support` are as in a lookup.",
        query={
            "dialect": {"type": "string", "enum": [*DIALECTS]},
            "fallback": TypeAdapter(AskedFallback).json_schema(),
            "least_support": TypeAdapter(LeastSupport).json_schema(),
            "version": _PART["version"],
        },
        refusals=(InvalidLookup, errors.NoVersion, *_AMOUNTS, *_MODEL),
    ),
    Operation(
        MODEL,
        "GET",
        "/segments.csv",
        "Every segment with its mode, for spreadsheets",
        {HTTPStatus.OK: (Content(CSV, _TEXT, examples.SEGMENTS_CSV),)},
        description=_CSV,
        query=_PART,
        refusals=(InvalidLookup, errors.NoVersion, *_AMOUNTS, *_MODEL),
    ),
    Operation(
        MODEL,
        "GET",
        "/report.csv",
        "A table of the report, for spreadsheets",
        {HTTPStatus.OK: (Content(CSV, _TEXT, examples.REPORT_CSV),)},
        description="`worth` has the agreement of each segmentation, `backtest` its months, `amounts_over_time` the"
        f" amount used most in each month, and `amounts` every amount of every segment and country. {_CSV}",
        query={"table": {"type": "string", "enum": [*TABLES]}, **_PART},
        refusals=(InvalidLookup, errors.NoVersion, *_AMOUNTS, *_MODEL),
    ),
    Operation(
        MODEL,
        "GET",
        "/versions",
        "The kept versions of the model",
        {HTTPStatus.OK: (Content(JSON, KeptVersions, {"versions": [examples.KEPT_VERSION]}),)},
        refusals=(errors.CatalogUnavailable,),
    ),
    Operation(
        MODEL,
        "POST",
        "/what_if",
        "What another date or other segments would change",
        {HTTPStatus.OK: (Content(JSON, WhatIf, examples.WHAT_IF),)},
        description="Computed from the counts of the served model, or of another run. Nothing is published. If all"
        " amounts are too many for one answer, `assignments` lists the leading ones, and `others` counts the others.",
        body=Content(JSON, WhatIfRequest, {"cur_date": "2018-10-01"}),
        refusals=(problems.MalformedJson, *_BODY, errors.InvalidRequest, *_COUNTS),
    ),
    Operation(
        MODEL,
        "POST",
        "/best_ranges",
        "The ranges of a measure that agree with the most assignments",
        {HTTPStatus.OK: (Content(JSON, BestRanges, examples.BEST_RANGES),)},
        description="For each number of ranges; from the counts of the served model, or of another run. A definition"
        " that is found can be asked as a what-if, and published by a remodel. Nothing is published here.",
        body=Content(JSON, BestRangesRequest, {"measure": "total_orders", "most_ranges": 4, "least_support": 1000}),
        refusals=(
            problems.MalformedJson,
            *_BODY,
            errors.InvalidRequest,
            *_COUNTS,
            errors.TooFine,
            errors.TooLittleSupport,
        ),
    ),
    Operation(
        RUNS,
        "GET",
        "/executions",
        "The last runs",
        {HTTPStatus.OK: (Content(JSON, ListedRuns, {"runs": [examples.RUN]}),)},
    ),
    Operation(
        RUNS,
        "POST",
        "/executions",
        "Start a run",
        {HTTPStatus.ACCEPTED: (Content(JSON, StartedRun, {"run_id": examples.RUN["run_id"]}),)},
        description="Only if the stage's setting `start_runs` allows it. The input's `mode` names the kind of run ("
        + "; ".join(f"`{kind.mode}`: {kind.label}" for kind in RUN_KINDS)
        + "). Without it, the run is a full run.",
        body=Content(JSON, RunRequest, {"mode": "remodel", "cur_date": "2018-10-01"}),
        refusals=(problems.MalformedJson, *_BODY, errors.InvalidRequest, problems.RunsNotStarted, problems.CrossSite),
    ),
    Operation(
        RUNS,
        "POST",
        "/uploads",
        "Where to send a file for a run",
        {HTTPStatus.OK: (Content(JSON, Upload, examples.UPLOAD),)},
        description="Only if the stage's setting `start_runs` allows it. Send the file to S3 with the request in"
        " `send`, then start a run with the `source`. The signature holds for this name, this size and a new object.",
        body=Content(JSON, UploadRequest, examples.UPLOAD_ASKED),
        refusals=(
            problems.MalformedJson,
            *_BODY,
            errors.InvalidUpload,
            errors.LakeUnavailable,
            problems.RunsNotStarted,
            problems.CrossSite,
        ),
    ),
    Operation(
        RUNS,
        "GET",
        "/executions/{run_id}",
        "How far a run is, or how it ended",
        {HTTPStatus.OK: (Content(JSON, RunReport, examples.RUN_REPORT),)},
        parameters={"run_id": _RUN_ID},
        refusals=(errors.NoRun, errors.UnreadableItem),
    ),
    *_pages(
        "/search_voucher",
        "A form to look up one customer",
        {HTTPStatus.OK: _PAGE, HTTPStatus.SERVICE_UNAVAILABLE: _PAGE},
        refusals=(CatalogUnreachable,),
    ),
    *_pages(
        "/search_voucher",
        "The look-up form with its answer",
        {
            HTTPStatus.OK: _PAGE,
            HTTPStatus.NOT_FOUND: _PAGE,
            HTTPStatus.UNPROCESSABLE_ENTITY: _PAGE,
            HTTPStatus.SERVICE_UNAVAILABLE: _PAGE,
        },
        description="The page shows problems beside their fields.",
        body=Content(FORM, _FORM_SCHEMA, {name: str(value) for name, value in examples.CUSTOMER.items()}),
        refusals=(*_BODY, CatalogUnreachable),
    ),
    *_pages(
        "/segments",
        "The segments of a country, as a page",
        query={"country": _TEXT, "start": _START},
        refusals=(InvalidLookup, errors.UnknownCountry, *_MODEL),
    ),
    *_pages(
        "/report",
        "The analysis of the served model, as a page",
        {HTTPStatus.OK: _PAGE, HTTPStatus.UNPROCESSABLE_ENTITY: _PAGE},
        description=(
            "With `what_if`, the page also shows what another date or other segments would change. With `best_ranges`,"
            " it shows the ranges of a measure that agree with the most assignments. `country` has the charts by month."
            " Of many countries it shows some, from `start` on."
        ),
        query={**dict.fromkeys((*_WHAT_IF_FIELDS, *_BEST_RANGES_FIELDS, "country"), _TEXT), "start": _START},
        refusals=(InvalidLookup, errors.UnknownCountry, *_AMOUNTS, *_MODEL),
    ),
    *_pages("/runs", "The last runs and the kept versions, as a page"),
    *_pages(
        "/runs",
        "Start a run with a form",
        {HTTPStatus.SEE_OTHER: (), HTTPStatus.UNPROCESSABLE_ENTITY: _PAGE},
        description="Only if the stage's setting `start_runs` allows it. Redirects to the page of the run.",
        body=Content(FORM, _RUN_FORM_SCHEMA, {"mode": "remodel", "cur_date": "2018-10-01"}),
        refusals=(*_BODY, problems.RunsNotStarted, problems.CrossSite),
    ),
    *_pages(
        "/runs/{run_id}",
        "How far a run is, or how it ended, as a page",
        parameters={"run_id": _RUN_ID},
        refusals=(errors.NoRun,),
    ),
    Operation(PAGES, "GET", "/", "A redirect to the first page", {HTTPStatus.FOUND: ()}),
    Operation(
        OPERATION,
        "GET",
        "/health",
        "The served model and its age",
        {HTTPStatus.OK: (Content(JSON, Health, examples.HEALTH),)},
        refusals=_MODEL,
    ),
    Operation(
        OPERATION,
        "GET",
        "/openapi.json",
        "This document",
        {HTTPStatus.OK: (Content(JSON, {"type": "object"}),)},
    ),
    Operation(OPERATION, "GET", "/docs", "This document, to explore and try", {HTTPStatus.OK: _PAGE}),
    Operation(
        OPERATION,
        "GET",
        "/docs/{file}",
        "The scripts and style sheets of the page `/docs`",
        {HTTPStatus.OK: (Content("text/javascript", _TEXT), Content("text/css", _TEXT))},
        parameters={"file": {"type": "string", "enum": list(docs_page.FILES)}},
        refusals=(problems.NoRoute,),
    ),
)


def allowed_methods(path: str) -> tuple[str, ...]:
    """Return the methods of a path; empty if the path does not exist."""
    own = {operation.method for operation in OPERATIONS if _matches(operation.path, path)}
    implied = {"OPTIONS"} | ({"HEAD"} if "GET" in own else set())
    return tuple(sorted(own | implied)) if own else ()


def _matches(template: str, path: str) -> bool:
    parts = re.split(r"\{\w+\}", template)
    return re.fullmatch("[^/]+".join(map(re.escape, parts)), path) is not None
