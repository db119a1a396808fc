"""The Model state: merges the counts of all shards, makes the modes and publishes them."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from voucher_selection.catalog import Catalog
from voucher_selection.lake import Lake
from voucher_selection.observability import logger, metrics, tracer
from voucher_selection.publishing import publish_run
from voucher_selection.runs import RunId
from voucher_selection.settings import ModelSettings

settings = ModelSettings.from_environment()
lake = Lake(settings.bucket)
catalog = Catalog(settings.table)


class ModelEvent(BaseModel):
    """The run whose shards have been cleaned."""

    run_id: RunId


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics(capture_cold_start_metric=True)
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Publish the model of a run and return the run's summary."""
    task = ModelEvent.model_validate(event)
    logger.append_keys(run_id=task.run_id)
    summary = publish_run(task.run_id, lake, catalog, settings.kept_versions)
    metrics.add_metric("ModelsPublished", MetricUnit.Count, int(summary.published))
    answer = summary.model_dump(mode="json")
    logger.info("published" if summary.published else "superseded by a newer run", summary=answer)
    return answer
