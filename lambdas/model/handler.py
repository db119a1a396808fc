"""The Model state: makes the modes from what the run's shards or earlier runs have counted, and publishes them.

A run that assigns ends here too, with its sum: it uses a model and makes none. A rollback serves one that there is, an
approval publishes one that was held back.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, BaseModel

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.emitted_metrics import emit
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.observability import log_failures, logger, metrics, tracer
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.contract.metrics import MODELS_HELD_BACK, MODELS_PUBLISHED, MODELS_SUPERSEDED, SHARDS_FAILED
from voucher_selection.domain.assign_runs import AssignSummary
from voucher_selection.domain.errors import HeldBack, ShardsIncomplete
from voucher_selection.domain.requests import (
    ApproveRequest,
    AssignRequest,
    RemodelRequest,
    RollbackRequest,
    parse_request,
)
from voucher_selection.domain.runs import ApprovalSummary, Outcome, PointerSummary, RunId
from voucher_selection.pipeline.approval import approve
from voucher_selection.pipeline.assigning import sum_up_assignment
from voucher_selection.pipeline.publishing import publish_run
from voucher_selection.pipeline.remodelling import remodel
from voucher_selection.pipeline.rollback import roll_back

settings = ModelSettings.from_environment()
lake = Lake(settings.bucket)
catalog = Catalog(settings.table)


class ModelEvent(BaseModel):
    """The run: its shards are done, or its request needs no history and starts here."""

    run_id: RunId
    started_at: AwareDatetime | None = None
    request: Any = None


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
@log_failures
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Publish the model of a run, or tell what it would be, and return the run's summary."""
    task = ModelEvent.model_validate(event)
    logger.append_keys(run_id=task.run_id)
    try:
        summary = _modelled(task)
    except HeldBack:
        emit(MODELS_HELD_BACK, 1)
        raise
    except ShardsIncomplete:
        emit(SHARDS_FAILED, max(1, len([*lake.list(RunKeys(task.run_id).failures)])))
        raise
    emit(MODELS_PUBLISHED, int(summary.published))
    emit(MODELS_SUPERSEDED, int(summary.outcome is Outcome.SUPERSEDED))
    logger.append_keys(model_version=summary.version)
    answer = summary.model_dump(mode="json")
    logger.info(summary.outcome.value, summary=answer)
    return answer


def _modelled(task: ModelEvent) -> PointerSummary | ApprovalSummary | AssignSummary:
    if task.request is not None and task.started_at is not None:
        request = parse_request(task.request)
        if isinstance(request, RemodelRequest):
            return remodel(task.run_id, task.started_at, request, lake, catalog, settings)
        if isinstance(request, RollbackRequest):
            return roll_back(task.run_id, task.started_at, request, lake, catalog)
        if isinstance(request, ApproveRequest):
            return approve(task.run_id, task.started_at, request, lake, catalog, settings)
        if isinstance(request, AssignRequest):
            return sum_up_assignment(task.run_id, lake)
        thresholds = settings.gate.with_those_of(request.gate)
        return publish_run(task.run_id, lake, catalog, settings.retention, thresholds)
    return publish_run(task.run_id, lake, catalog, settings.retention, settings.gate)
