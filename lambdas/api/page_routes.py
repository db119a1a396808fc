"""Routes of the pages: the look-up form, the segments, the report, and the runs.

Each page has two routes: its own, and a view with the same name below `/views`. On a stage that asks for a key, the
page is a shell without data, which fetches the view with the key. On other stages both are the same.
"""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import catalog, fallback, models, run_records, settings, state_machine, uploads, what_if_function
from voucher_selection.api import http_answers, problems
from voucher_selection.api.addresses import api_url, curl_of
from voucher_selection.api.answers import page_answer
from voucher_selection.api.request_bodies import form_of
from voucher_selection.domain.errors import InvalidRequest, NoModel, VoucherSelectionError
from voucher_selection.domain.lookups import InvalidLookup, LookupRequest, find
from voucher_selection.domain.validation import FieldProblem

if TYPE_CHECKING:
    from voucher_selection.api.pages import Frame

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_RUNS = "/runs"


def _page(path: str) -> Callable[[Callable[..., Response[str]]], Callable[..., Response[str]]]:
    """Register the GET route of a page and of its view."""

    def register(route: Callable[..., Response[str]]) -> Callable[..., Response[str]]:
        def shell(**_: str) -> Response[str]:
            from voucher_selection.api import pages  # noqa: PLC0415 - keeps a lookup's cold start short

            frame = pages.frame_of(router.current_event.path, is_shell=True)
            headers = http_answers.REVALIDATE | (_sends_files() if path == _RUNS else {})
            return page_answer(HTTPStatus.OK, pages.shell_page(frame), headers)

        router.get(path)(shell if settings.auth == "api_key" else route)
        router.get(f"/views{path}")(route)
        return route

    return register


@router.get("/")
def get_root() -> Response[str]:
    """Redirect to the first page."""
    return Response(HTTPStatus.FOUND.value, headers={"Location": f"{_api_url()}search_voucher"})


@_page("/search_voucher")
def get_search_voucher() -> Response[str]:
    """Return the look-up form."""
    return _lookup_page(None)


@router.post("/search_voucher")
@router.post("/views/search_voucher")
def post_search_voucher() -> Response[str]:
    """Return the look-up form with its answer."""
    return _lookup_page(form_of(router.current_event))


@_page("/segments")
def get_segments() -> Response[str]:
    """Return the page of a country's segments."""
    return segments_page(_query().get("country"), _query().get("start"))


def segments_page(country: str | None, start: str | None) -> Response[str]:
    """Return the page of a country's segments; without a country, of the model's first one."""
    from voucher_selection.api import pages  # noqa: PLC0415 - see above
    from voucher_selection.api.model_parts import place_of  # noqa: PLC0415

    model = models.current()
    country = model.country(country) if country else model.countries[0]
    page = pages.segments_page(_frame(), model, country, place_of(start))
    return page_answer(HTTPStatus.OK, page, http_answers.REVALIDATE)


@_page("/report")
def get_report() -> Response[str]:
    """Return the analysis of the served model, and what another date or other segments would change."""
    from voucher_selection.api import pages  # noqa: PLC0415 - see above
    from voucher_selection.api.asked import asked  # noqa: PLC0415
    from voucher_selection.api.best_ranges_form import BestRangesForm  # noqa: PLC0415
    from voucher_selection.api.model_parts import Asked, shown  # noqa: PLC0415
    from voucher_selection.api.what_if_form import WhatIfForm  # noqa: PLC0415

    model, query = models.current(), _query()
    part = shown(Asked.of(query.get("start"), None, model, catalog), catalog)
    what_if = asked(WhatIfForm.of(model, query), lambda form: what_if_function().what_if(form.request()))
    best = asked(BestRangesForm.of(model, query), lambda form: what_if_function().best_ranges(form.request()))
    page = pages.report_page(
        _frame(),
        part,
        run_records().quality(model.run_id),
        model.country(query["country"]) if query.get("country") else model.countries[0],
        what_if,
        best,
        may_start=settings.start_runs,
    )
    is_wrong = what_if.form.errors or best.form.errors
    return page_answer(HTTPStatus.UNPROCESSABLE_ENTITY if is_wrong else HTTPStatus.OK, page, http_answers.REVALIDATE)


@_page(_RUNS)
def get_runs() -> Response[str]:
    """Return the page of the last runs and the kept versions."""
    return _runs_page(HTTPStatus.OK)


@router.post("/runs")
@router.post("/views/runs")
def post_runs() -> Response[str]:
    """Start a run, and redirect to its page."""
    from api.starting import start  # noqa: PLC0415 - see above

    fields = form_of(router.current_event)
    try:
        run_id = start(_request_of(fields), router.current_event.headers)
    except InvalidRequest as error:
        errors = {problem.field.partition(".")[0]: problem.detail for problem in error.problems}
        known = {name: text for name, text in errors.items() if name in {"source", "countries", "cur_date", "window"}}
        notice = None if known and known == errors else str(error)
        return _runs_page(HTTPStatus.UNPROCESSABLE_ENTITY, fields, known, notice)
    return Response(HTTPStatus.SEE_OTHER.value, headers={"Location": f"runs/{run_id}"})


@_page("/runs/<run_id>")
def get_run(run_id: str) -> Response[str]:
    """Return the page of a run: how far it is, or how it ended."""
    from voucher_selection.api import pages  # noqa: PLC0415 - see above
    from voucher_selection.api.run_reports import run_report  # noqa: PLC0415

    report = run_report(run_id, state_machine(), run_records(), catalog)
    return page_answer(
        HTTPStatus.OK, pages.run_page(_frame(), report, may_start=settings.start_runs), http_answers.REVALIDATE
    )


def _lookup_page(form: dict[str, str] | None) -> Response[str]:
    """Return the form: as it was sent, with its answer, or empty."""
    from voucher_selection.api import pages  # noqa: PLC0415 - see above

    fields = form or {}
    defaults = {"fallback": fallback.to, "least_support": str(fallback.least_support)}
    filled = {name: fields.get(name, defaults.get(name, "")) for name in LookupRequest.model_fields}
    frame = _frame()
    try:
        model = models.current()
    except NoModel as error:
        page = pages.lookup_page(frame, None, filled, notice=str(error))
        return page_answer(HTTPStatus.SERVICE_UNAVAILABLE, page, problems.problem_of(error).headers)
    if form is None:
        return page_answer(HTTPStatus.OK, pages.lookup_page(frame, model, filled), http_answers.REVALIDATE)
    try:
        found = find(model, LookupRequest.parse(form, model.time_zone), fallback)
    except InvalidLookup as error:
        errors = {problem.field: problem.detail for problem in error.problems}
        return page_answer(HTTPStatus.UNPROCESSABLE_ENTITY, pages.lookup_page(frame, model, filled, errors=errors))
    except VoucherSelectionError as error:
        return page_answer(
            problems.problem_of(error).status, pages.lookup_page(frame, model, filled, notice=str(error))
        )
    asked = {name: text for name, text in filled.items() if text != defaults.get(name)}
    curl = curl_of(_api_url(), asked, needs_key=settings.auth == "api_key")
    return page_answer(HTTPStatus.OK, pages.lookup_page(frame, model, filled, found=found, curl=curl))


def _runs_page(
    status: HTTPStatus,
    fields: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    notice: str | None = None,
) -> Response[str]:
    from voucher_selection.api import pages  # noqa: PLC0415 - see above
    from voucher_selection.api.model_report import kept_versions  # noqa: PLC0415
    from voucher_selection.api.run_reports import listed_runs  # noqa: PLC0415

    runs = listed_runs(state_machine(), run_records())
    start_form = None
    if settings.start_runs:
        uploads_to = pages.UploadsTo(uploads().address("uploads/"), settings.upload_max_bytes)
        start_form = pages.StartForm(fields or {}, errors or {}, notice, uploads_to)
    page = pages.runs_page(_frame(), runs, kept_versions(catalog)["versions"], start_form)
    return page_answer(status, page, http_answers.REVALIDATE | _sends_files())


def _sends_files() -> dict[str, str]:
    """Return the header with which the page of runs may send files to S3, if the stage lets it start runs."""
    from voucher_selection.api import pages  # noqa: PLC0415 - see above

    return {"Content-Security-Policy": pages.content_security_policy(uploads().origin)} if settings.start_runs else {}


def _request_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the request of a run that a form asks for, without its blank fields.

    `segments` has definitions as JSON; raise `InvalidRequest` if it is not JSON.
    """
    filled = {name: text.strip() for name, text in fields.items() if text.strip()}
    request: dict[str, Any] = {name: text for name, text in filled.items() if name != "form"}
    if request.get("mode") == "full":
        request.pop("overlap", None)  # the form has this field for an append, too
    if "countries" in request:
        request["countries"] = [country.strip() for country in request["countries"].split(",") if country.strip()]
    if "segments" in request:
        try:
            request["segments"] = json.loads(request["segments"])
        except (ValueError, RecursionError) as error:
            problem = FieldProblem("segments", f"expected definitions of segments as JSON: {error}")
            raise InvalidRequest(str(problem), [problem]) from error
    return request


def _query() -> dict[str, str]:
    return router.current_event.query_string_parameters or {}


def _frame() -> "Frame":
    from voucher_selection.api import pages  # noqa: PLC0415 - see above

    return pages.frame_of(router.current_event.path)


def _api_url() -> str:
    return settings.public_url or api_url(router.current_event.raw_event)
