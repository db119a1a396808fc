"""The Model state: ends every run, by publishing its model, summing up its assignments, or moving the pointer.

Before it, the same function merges the shards of each group, if a run has several groups.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from voucher_selection.adapters.emitted_metrics import emit
from voucher_selection.adapters.observability import logger, observed
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.contract.metrics import MODELS_HELD_BACK, MODELS_PUBLISHED, MODELS_SUPERSEDED, SHARDS_FAILED
from voucher_selection.domain.errors import HeldBack, ShardsIncomplete
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.runs import RunEvent, RunId
from voucher_selection.domain.shard_groups import ShardGroup
from voucher_selection.domain.summaries import Outcome
from voucher_selection.pipeline.merging_groups import MERGERS
from voucher_selection.pipeline.modelling import model

settings = ModelSettings.from_environment()
stores = Stores.of(settings.bucket, settings.table)


class MergeEvent(BaseModel):
    """One item of the map that merges: a group of shards of a run of this kind."""

    run_id: RunId
    mode: str
    group: ShardGroup


@observed()
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """End a run and return its summary; or merge a group of its shards."""
    if "group" in event:
        return _merge(MergeEvent.model_validate(event))
    return _end(RunEvent.model_validate(event))


def _merge(task: MergeEvent) -> dict[str, Any]:
    logger.append_keys(run_id=task.run_id, group=task.group.number)
    MERGERS[task.mode](stores.lake, task.run_id, task.group)
    answer = {"group": task.group.number, "shards": len(task.group.rows), "rows": sum(task.group.rows)}
    logger.info("merged", merged=answer)
    return answer


def _end(task: RunEvent) -> dict[str, Any]:
    logger.append_keys(run_id=task.run_id)
    try:
        summary = model(task.run, parse_request(task.request), stores, settings)
    except HeldBack:
        emit(MODELS_HELD_BACK, 1)
        raise
    except ShardsIncomplete:
        emit(SHARDS_FAILED, max(1, len([*stores.lake.list(RunKeys(task.run_id).failures)])))
        raise
    emit(MODELS_PUBLISHED, int(summary.published))
    if summary.published:
        emit(MODELS_HELD_BACK, 0)  # ends the alarm, which stays on from the hold-back until a model is published
    emit(MODELS_SUPERSEDED, int(summary.outcome is Outcome.SUPERSEDED))
    logger.append_keys(model_version=summary.version)
    answer = summary.model_dump(mode="json")
    logger.info(summary.outcome.value, summary=answer)
    return answer
