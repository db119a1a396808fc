"""JSON routes about the model and its runs: its analysis, its versions, what-ifs, and executions."""

from datetime import UTC, datetime
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import catalog, models, run_records, state_machine, what_if_function
from voucher_selection.api import http_answers
from voucher_selection.api.answers import json_answer
from voucher_selection.api.request_bodies import json_of

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get("/model")
def get_model() -> Response[str]:
    """Return the analysis of the served model."""
    from voucher_selection.api.model_parts import Asked, answered  # noqa: PLC0415 - a lookup's cold start does without
    from voucher_selection.api.model_report import model_report  # noqa: PLC0415

    query = router.current_event.query_string_parameters or {}
    asked = Asked.of(query.get("start"), query.get("version"), models.current(), catalog)
    quality = None if asked.start else run_records().quality(asked.model.run_id)
    now = datetime.now(UTC)
    report = answered(asked, catalog, lambda part: model_report(part, quality, now))
    return json_answer(HTTPStatus.OK, report, http_answers.REVALIDATE)


@router.get("/versions")
def get_versions() -> Response[str]:
    """Return the kept versions."""
    from voucher_selection.api.model_report import kept_versions  # noqa: PLC0415 - see above

    return json_answer(HTTPStatus.OK, kept_versions(catalog), http_answers.REVALIDATE)


@router.post("/what_if")
def post_what_if() -> Response[str]:
    """Return what another date or other segments would change."""
    from voucher_selection.domain.requests import WhatIfRequest  # noqa: PLC0415 - see above

    return json_answer(HTTPStatus.OK, what_if_function().what_if(WhatIfRequest.parse(json_of(router.current_event))))


@router.post("/best_ranges")
def post_best_ranges() -> Response[str]:
    """Return the ranges of a measure that agree with the most assignments."""
    from voucher_selection.domain.requests import BestRangesRequest  # noqa: PLC0415 - see above

    request = BestRangesRequest.parse(json_of(router.current_event))
    return json_answer(HTTPStatus.OK, what_if_function().best_ranges(request))


@router.get("/executions")
def get_executions() -> Response[str]:
    """Return the last runs."""
    from voucher_selection.api.run_reports import listed_runs  # noqa: PLC0415 - see above

    runs = listed_runs(state_machine(), run_records())
    return json_answer(HTTPStatus.OK, {"runs": runs}, http_answers.REVALIDATE)


@router.get("/executions/<run_id>")
def get_execution(run_id: str) -> Response[str]:
    """Return how far a run is, or how it ended."""
    from voucher_selection.api.run_reports import run_report  # noqa: PLC0415 - see above

    report = run_report(run_id, state_machine(), run_records(), catalog)
    return json_answer(HTTPStatus.OK, report, http_answers.REVALIDATE)


@router.post("/uploads")
def post_uploads() -> Response[str]:
    """Return where a file may be sent to, and what a run names as its source."""
    from api.starting import offer_upload  # noqa: PLC0415 - see above

    return json_answer(HTTPStatus.OK, offer_upload(json_of(router.current_event), router.current_event.headers))


@router.post("/executions")
def post_executions() -> Response[str]:
    """Start a run."""
    from api.starting import start  # noqa: PLC0415 - see above

    run_id = start(json_of(router.current_event), router.current_event.headers)
    return json_answer(HTTPStatus.ACCEPTED, {"run_id": run_id}, {"Location": f"executions/{run_id}"})
