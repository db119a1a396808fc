"""The Ingest state: copies the history or the customers' files to the lake, and plans the run."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from voucher_selection.adapters.emitted_metrics import emit
from voucher_selection.adapters.observability import logger, observed
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import IngestSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.contract.metrics import ROWS_LANDED, SHARDS_PLANNED
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.plans import HistoryPlan
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.runs import RunEvent, RunId
from voucher_selection.pipeline.ingesting import ingest

settings = IngestSettings.from_environment()
stores = Stores.of(settings.bucket, settings.table)


class IngestResult(BaseModel):
    """The parts of the plan that later states need.

    `reading` is None for customers. Only a run of several groups has an object at `groups_key`.
    """

    run_id: RunId
    mode: str
    reading: Reading | None
    shards: int
    rows: int
    manifest_key: str
    groups: int
    groups_key: str


@observed()
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Land the source of a run and write its plan and manifest."""
    task = RunEvent.model_validate(event)
    logger.append_keys(run_id=task.run_id)
    plan = ingest(task.run, parse_request(task.request), stores, settings)
    emit(ROWS_LANDED, plan.rows)
    emit(SHARDS_PLANNED, plan.shards)
    logger.info(
        "planned",
        mode=plan.mode,
        source=plan.source,
        files=len(plan.files),
        known_files=len(plan.known) if isinstance(plan, HistoryPlan) else 0,
        rows=plan.rows,
        shards=plan.shards,
    )
    result = IngestResult(
        run_id=plan.run_id,
        mode=plan.mode,
        reading=plan.reading if isinstance(plan, HistoryPlan) else None,
        shards=plan.shards,
        rows=plan.rows,
        manifest_key=RunKeys(plan.run_id).manifest,
        groups=plan.groups,
        groups_key=RunKeys(plan.run_id).shard_groups,
    )
    return result.model_dump(mode="json")
