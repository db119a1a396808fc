"""The API: lookups and the segments of the served model, as JSON and as pages."""

import json
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from voucher_selection import problems
from voucher_selection.bulk_lookups import customers_of, look_up_all
from voucher_selection.catalog import Catalog
from voucher_selection.errors import NoModel, VoucherSelectionError
from voucher_selection.lookups import InvalidLookup, LookupRequest, look_up, model_facts, selection_criteria
from voucher_selection.model_cache import ModelCache
from voucher_selection.observability import logger, metrics, tracer
from voucher_selection.settings import ApiSettings

# Whoever waits for the catalog has a caller waiting: five seconds at most, and then what is known is served.
_QUICK = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})

settings = ApiSettings.from_environment()
# SnapStart's snapshot is taken after these lines: all is imported, the client has not connected, and there is no model
# yet. One that was read here would be an old one whenever the snapshot is restored.
models = ModelCache(Catalog(settings.table, _QUICK), settings.model_refresh_seconds)
app = APIGatewayRestResolver()


@app.post("/voucher")
def post_voucher() -> Response[str]:
    """Answer which amount a customer should get."""
    request = LookupRequest.parse(_json_body())
    answer = look_up(models.current(), request)
    metrics.add_metric("VouchersSelected", MetricUnit.Count, 1)
    return _json(HTTPStatus.OK, answer)


@app.post("/vouchers")
def post_vouchers() -> Response[str]:
    """Answer which amount each of many customers should get."""
    answer = look_up_all(models.current(), customers_of(_json_body()))
    selected = sum("problem" not in entry for entry in answer["vouchers"])
    metrics.add_metric("VouchersSelected", MetricUnit.Count, selected)
    return _json(HTTPStatus.OK, answer)


@app.get("/selection_criteria")
def get_selection_criteria() -> Response[str]:
    """Answer every segment with its mode."""
    criteria = selection_criteria(models.current())
    if not _wants_html():
        return _json(HTTPStatus.OK, criteria)
    from voucher_selection import pages  # noqa: PLC0415 - a lookup's cold start does not pay for templates

    return _html(HTTPStatus.OK, pages.criteria_page(criteria))


@app.get("/search_voucher")
def get_search_voucher() -> Response[str]:
    """Show the form."""
    return _lookup_page({})


@app.post("/search_voucher")
def post_search_voucher() -> Response[str]:
    """Answer the form on its own page."""
    expected = "application/x-www-form-urlencoded"
    if _content_type() != expected:
        raise problems.UnsupportedMediaType(f"expected a form ({expected}), got {_content_type() or 'no Content-Type'}")
    return _lookup_page(dict(parse_qsl(app.current_event.decoded_body or "", keep_blank_values=True)))


@app.get("/health")
def get_health() -> Response[str]:
    """Answer which model is served, and how old it is."""
    model = models.current()
    age = datetime.now(UTC) - model.published_at
    facts = {**model_facts(model), "age_seconds": round(age.total_seconds())}
    stale_seconds = models.stale_seconds
    if stale_seconds is not None:
        return _json(HTTPStatus.OK, {"status": "stale", "stale_seconds": round(stale_seconds), "model": facts})
    return _json(HTTPStatus.OK, {"status": "ok", "model": facts})


@app.not_found
def no_route(_: NotFoundError) -> Response[str]:
    """Answer a path or method that there is not."""
    event = app.current_event
    return _problem(problems.NoRoute(f"there is no {event.http_method} {event.path}"))


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def any_error(error: Exception) -> Response[str]:
    """Answer every error as a problem; what is not the caller's doing is logged with its trace."""
    return _problem(error)


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of API Gateway's Lambda proxy integration."""
    return app.resolve(event, context)


def _lookup_page(fields: dict[str, str]) -> Response[str]:
    from voucher_selection import pages  # noqa: PLC0415 - see above

    filled = {name: fields.get(name, "") for name in LookupRequest.model_fields}
    try:
        model = models.current()
    except NoModel as error:
        return _html(HTTPStatus.SERVICE_UNAVAILABLE, pages.lookup_page(None, filled, notice=str(error)))
    if not fields:
        return _html(HTTPStatus.OK, pages.lookup_page(model, filled))
    try:
        answer = look_up(model, LookupRequest.parse(fields))
    except InvalidLookup as error:
        errors = {problem.field: problem.detail for problem in error.problems}
        return _html(HTTPStatus.UNPROCESSABLE_ENTITY, pages.lookup_page(model, filled, errors=errors))
    except VoucherSelectionError as error:
        return _html(problems.problem_of(error).status, pages.lookup_page(model, filled, notice=str(error)))
    return _html(HTTPStatus.OK, pages.lookup_page(model, filled, answer=answer))


def _json_body() -> object:
    if _content_type() != "application/json":
        raise problems.UnsupportedMediaType(f"expected application/json, got {_content_type() or 'no Content-Type'}")
    try:
        return json.loads(app.current_event.decoded_body or "")
    except (ValueError, RecursionError) as error:
        raise problems.MalformedJson(f"the body is no JSON: {error}") from error


def _content_type() -> str:
    return app.current_event.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _wants_html() -> bool:
    """A browser names HTML in `Accept` and does not name JSON."""
    accepted = app.current_event.headers.get("Accept", "").lower()
    return "text/html" in accepted and "application/json" not in accepted


def _json(status: HTTPStatus, content: dict[str, Any]) -> Response[str]:
    return Response(status.value, "application/json", json.dumps(content))


def _html(status: HTTPStatus, page: str) -> Response[str]:
    from voucher_selection import pages  # noqa: PLC0415 - see above

    return Response(status.value, pages.CONTENT_TYPE, page, headers=dict(pages.security_headers()))


def _problem(error: Exception) -> Response[str]:
    problem = problems.problem_of(error)
    if problem.status is HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("a request could not be answered", exc_info=error)
    if _wants_html():
        from voucher_selection import pages  # noqa: PLC0415 - see above

        return _html(problem.status, pages.problem_page(problem.status, problem.status.phrase, problem.detail))
    return Response(
        problem.status.value, problems.CONTENT_TYPE, json.dumps(problem.body()), headers=dict(problem.headers)
    )
