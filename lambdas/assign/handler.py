"""The Assign state: writes the amounts of one shard of customers."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from voucher_selection.adapters.emitted_metrics import emit
from voucher_selection.adapters.observability import logger, observed
from voucher_selection.adapters.settings import AssignSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.contract.metrics import VOUCHERS_ASSIGNED
from voucher_selection.domain.plans import Shard
from voucher_selection.domain.runs import RunId
from voucher_selection.pipeline.assigning import assign_shard

settings = AssignSettings.from_environment()
stores = Stores.of(settings.bucket, settings.table)


class AssignEvent(BaseModel):
    """One item of the map: a shard of the manifest."""

    run_id: RunId
    shard: Shard


@observed()
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Give every customer of a shard an amount or a problem, and return the totals."""
    task = AssignEvent.model_validate(event)
    logger.append_keys(run_id=task.run_id, shard=task.shard.number)
    totals = assign_shard(task.run_id, task.shard, stores, settings.batch_rows)
    emit(VOUCHERS_ASSIGNED, totals.assigned)
    answer = totals.model_dump(mode="json")
    logger.info("assigned", totals=answer)
    return answer
