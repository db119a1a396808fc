"""The API function: routes for lookups, the segments, health and the API's document, and the handling of errors.

Each route is a function, here or in `export_routes`, `page_routes` and `run_routes`, and an entry in
`voucher_selection.api.operations`.
"""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

from api import export_routes, page_routes, run_routes
from api.context import catalog, fallback, models, settings
from voucher_selection.adapters.emitted_metrics import emit
from voucher_selection.adapters.observability import logger, metrics
from voucher_selection.api import http_answers, problems
from voucher_selection.api.answers import NEGOTIATED, json_answer, methods_answer, problem_answer
from voucher_selection.api.bulk_lookups import customers_of, look_up_all, refusals
from voucher_selection.api.health import health
from voucher_selection.api.negotiation import prefers_html
from voucher_selection.api.request_bodies import json_of
from voucher_selection.contract.metrics import LOOKUPS_REFUSED, REQUESTS_FAILED, VOUCHERS_SELECTED
from voucher_selection.domain.lookups import LookupRequest, look_up

# Metrics count the lookups of these routes; those of the form on the page are not counted.
_LOOKUPS = ("/voucher", "/vouchers")

app = APIGatewayRestResolver()
app.include_router(export_routes.router)
app.include_router(page_routes.router)
app.include_router(run_routes.router)


@app.post("/voucher")
def post_voucher() -> Response[str]:
    """Return the amount that a customer should get."""
    body, model = json_of(app.current_event), models.current()
    answer = look_up(model, LookupRequest.parse(body, model.time_zone), fallback)
    emit(VOUCHERS_SELECTED, 1)
    return json_answer(HTTPStatus.OK, answer)


@app.post("/vouchers")
def post_vouchers() -> Response[str]:
    """Return the amount that each of many customers should get."""
    answer = look_up_all(models.current(), customers_of(json_of(app.current_event)), fallback)
    refused = refusals(answer)
    emit(VOUCHERS_SELECTED, len(answer["vouchers"]) - refused.total())
    for code, lookups in refused.items():
        emit(LOOKUPS_REFUSED, lookups, code)
    return json_answer(HTTPStatus.OK, answer)


@app.get("/selection_criteria")
def get_selection_criteria() -> Response[str]:
    """Return every segment with its mode, or a part of them."""
    if prefers_html(_accept()):
        page = page_routes.segments_page(None, None)
        page.headers |= NEGOTIATED
        return page
    from voucher_selection.api.model_parts import Asked, answered  # noqa: PLC0415 - keeps a lookup's cold start short
    from voucher_selection.domain.model_document import selection_criteria  # noqa: PLC0415

    query = app.current_event.query_string_parameters or {}
    asked = Asked.of(query.get("start"), query.get("version"), models.current(), catalog)
    answer = answered(asked, catalog, selection_criteria)
    return json_answer(HTTPStatus.OK, answer, http_answers.REVALIDATE | NEGOTIATED)


@app.get("/health")
def get_health() -> Response[str]:
    """Return which model is served, and how old it is."""
    model = models.current()
    answer = health(model, models.stale_seconds, datetime.now(UTC))
    return json_answer(HTTPStatus.OK, answer, http_answers.REVALIDATE)


@app.get("/openapi.json")
def get_openapi() -> Response[str]:
    """Return the document of the API."""
    from voucher_selection.api import openapi  # noqa: PLC0415 - keeps a lookup's cold start short

    return json_answer(HTTPStatus.OK, openapi.document(settings.auth), http_answers.REVALIDATE)


@app.get("/docs")
def get_docs() -> Response[str]:
    """Return the page that shows the document of the API, to explore and try."""
    from voucher_selection.api import docs_page  # noqa: PLC0415 - see above

    page = docs_page.PAGE
    return Response(HTTPStatus.OK.value, page.content_type, page.text, headers=docs_page.PAGE_HEADERS)


@app.get("/docs/<file>")
def get_docs_file(file: str) -> Response[str]:
    """Return a script or style sheet of the page `/docs`."""
    from voucher_selection.api import docs_page  # noqa: PLC0415 - see above

    if file not in docs_page.FILES:
        raise problems.NoRoute(f"expected one of {', '.join(docs_page.FILES)}, got {file}")
    asset = docs_page.FILES[file]
    return Response(HTTPStatus.OK.value, asset.content_type, asset.text, headers=docs_page.FILE_HEADERS)


@app.not_found
def no_route(_: NotFoundError) -> Response[str]:
    """Handle requests that match no route: OPTIONS, 405 or 404."""
    from voucher_selection.api import operations  # noqa: PLC0415 - see above

    method, path = app.current_event.http_method, app.current_event.path
    allowed = operations.allowed_methods(path)
    if not allowed:
        return _problem(problems.NoRoute(f"{path} does not exist"))
    if method == "OPTIONS":
        return methods_answer(allowed)
    return _problem(problems.MethodNotAllowed(method, path, allowed))


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def any_error(error: Exception) -> Response[str]:
    """Answer every error as a problem; log an error of ours with its trace."""
    if app.current_event.path in _LOOKUPS:
        emit(LOOKUPS_REFUSED, 1, problems.problem_of(error).code)
    return _problem(error)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of API Gateway's Lambda proxy integration."""
    logger.set_correlation_id(http_answers.request_id(event))
    answer = http_answers.without_slash(event) or app.resolve(http_answers.routed(event), context)
    return http_answers.finished(answer, event, settings.cors_origins)


def _accept() -> str:
    return app.current_event.headers.get("Accept", "")


def _problem(error: Exception) -> Response[str]:
    problem = problems.problem_of(error)
    if problem is problems.OUR_FAULT:
        logger.exception("a request could not be answered", exc_info=error, model_version=models.version)
        emit(REQUESTS_FAILED, 1, app.lambda_context.function_version)
    return problem_answer(problem, _accept(), app.current_event.path)
