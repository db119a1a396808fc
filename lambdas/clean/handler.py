"""The Clean state: cleans and counts one shard."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from voucher_selection.cleaning import clean_shard
from voucher_selection.lake import Lake
from voucher_selection.observability import logger, metrics, tracer
from voucher_selection.runs import Countries, RunId, Shard
from voucher_selection.settings import CleanSettings

settings = CleanSettings.from_environment()
lake = Lake(settings.bucket)


class CleanEvent(BaseModel):
    """One item of the map: a shard of the manifest, and the countries to keep."""

    run_id: RunId
    countries: Countries
    shard: Shard


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Clean a shard and return its totals."""
    task = CleanEvent.model_validate(event)
    logger.append_keys(run_id=task.run_id, shard=task.shard.number)
    totals = clean_shard(lake, task.run_id, task.shard, task.countries, settings.batch_rows)
    metrics.add_metric("RowsRead", MetricUnit.Count, totals.rows_read)
    metrics.add_metric("RowsKept", MetricUnit.Count, totals.kept)
    metrics.add_metric("RowsRejected", MetricUnit.Count, sum(totals.rejected.values()))
    answer = totals.model_dump(mode="json")
    logger.info("cleaned", totals=answer)
    return answer
