"""Routes that give the model away: to answer lookups offline or in a database, and as tables for spreadsheets."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from api.context import catalog, fallback, models, run_records
from voucher_selection.api import http_answers
from voucher_selection.api.answers import csv_answer, json_answer

if TYPE_CHECKING:
    from voucher_selection.api.model_parts import Asked

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get("/model.json")
def get_model_json() -> Response[str]:
    """Return the model as a document from which anyone can answer lookups."""
    from voucher_selection.domain.offline_model import offline_model  # noqa: PLC0415 - lookups do not need it

    model = _asked(None).model
    return json_answer(HTTPStatus.OK, offline_model(model, fallback), http_answers.REVALIDATE)


@router.get("/model.sql")
def get_model_sql() -> Response[str]:
    """Return the model as a query of SQL that answers a table of customers."""
    from voucher_selection.api.sql_query import CONTENT_TYPE, SqlQuery  # noqa: PLC0415 - see above
    from voucher_selection.domain.model_sql import model_sql  # noqa: PLC0415

    query = SqlQuery.parse(_query())
    model = _asked(None).model
    text = model_sql(model, query.dialect, fallback.with_those_of(query.fallback, query.least_support))
    file = f"model-{model.version}-{query.dialect}.sql"
    headers = {**http_answers.REVALIDATE, "Content-Disposition": f'attachment; filename="{file}"'}
    return Response(HTTPStatus.OK.value, CONTENT_TYPE, text, headers=headers)


@router.get("/segments.csv")
def get_segments_csv() -> Response[str]:
    """Return every segment with its mode, as CSV."""
    from voucher_selection.api.csv_tables import segments_csv  # noqa: PLC0415 - see above

    asked = _asked(_query().get("start"))
    return csv_answer(segments_csv(asked), f"segments-{asked.model.version}", http_answers.REVALIDATE)


@router.get("/report.csv")
def get_report_csv() -> Response[str]:
    """Return a table of the report, as CSV."""
    from voucher_selection.api.csv_tables import report_csv  # noqa: PLC0415 - see above

    asked, table = _asked(_query().get("start")), _query().get("table")
    part = report_csv(table, asked, catalog, lambda run_id: run_records().quality(run_id))
    return csv_answer(part, f"{table}-{asked.model.version}", http_answers.REVALIDATE)


def _asked(start: str | None) -> "Asked":
    from voucher_selection.api.model_parts import Asked  # noqa: PLC0415 - see above

    return Asked.of(start, _query().get("version"), models.current(), catalog)


def _query() -> dict[str, str]:
    return router.current_event.query_string_parameters or {}
