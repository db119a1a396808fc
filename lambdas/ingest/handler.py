"""The Ingest state: lands the history, or customers, and plans the run."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, BaseModel

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.emitted_metrics import emit
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.observability import log_failures, logger, metrics, tracer
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import IngestSettings
from voucher_selection.contract.metrics import ROWS_LANDED, SHARDS_PLANNED
from voucher_selection.domain.assign_runs import AssignPlan
from voucher_selection.domain.errors import InvalidRequest
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.requests import AppendRequest, AssignRequest, FullRequest, parse_request
from voucher_selection.domain.runs import RunId, RunPlan
from voucher_selection.pipeline.base_counts import served_base
from voucher_selection.pipeline.ingesting import ingest, ingest_addition, ingest_customers

settings = IngestSettings.from_environment()
lake = Lake(settings.bucket)
catalog = Catalog(settings.table)


class IngestEvent(BaseModel):
    """What the state machine passes: its execution's name, start and input."""

    run_id: RunId
    started_at: AwareDatetime
    request: Any


class IngestResult(BaseModel):
    """What the choice of the map, the map and the Model state need of the plan; only a history has a `reading`."""

    run_id: RunId
    mode: str
    reading: Reading | None
    shards: int
    rows: int
    manifest_key: str


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
@log_failures
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Land the source of a run and write its plan and manifest."""
    task = IngestEvent.model_validate(event)
    logger.append_keys(run_id=task.run_id)
    plan = _planned(task)
    emit(ROWS_LANDED, plan.rows)
    emit(SHARDS_PLANNED, plan.shards)
    logger.info(
        "planned",
        mode=plan.mode,
        source=plan.source,
        files=len(plan.files),
        known_files=len(plan.known) if isinstance(plan, RunPlan) else 0,
        rows=plan.rows,
        shards=plan.shards,
    )
    result = IngestResult(
        run_id=plan.run_id,
        mode=plan.mode,
        reading=plan.reading if isinstance(plan, RunPlan) else None,
        shards=plan.shards,
        rows=plan.rows,
        manifest_key=RunKeys(plan.run_id).manifest,
    )
    return result.model_dump(mode="json")


def _planned(task: IngestEvent) -> RunPlan | AssignPlan:
    match parse_request(task.request):
        case FullRequest() as request:
            return ingest(task.run_id, task.started_at, request, lake, settings)
        case AppendRequest() as request:
            base = served_base(catalog)
            return ingest_addition(task.run_id, task.started_at, request, base, lake, settings)
        case AssignRequest() as request:
            return ingest_customers(task.run_id, task.started_at, request, catalog.base(), lake, settings)
        case request:
            raise InvalidRequest(f"Ingest is not part of mode {request.mode!r}")
