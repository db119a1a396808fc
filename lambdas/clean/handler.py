"""The Clean state: cleans and counts one shard."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from voucher_selection.adapters.emitted_metrics import emit
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.observability import logger, observed
from voucher_selection.adapters.settings import CleanSettings
from voucher_selection.adapters.stores import s3_client
from voucher_selection.contract.metrics import (
    ROWS_KEPT,
    ROWS_OTHER_COUNTRY,
    ROWS_READ,
    ROWS_REJECTED,
    ROWS_REJECTED_BY_RULE,
)
from voucher_selection.domain.plans import Shard
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.runs import RunId
from voucher_selection.domain.totals import Totals
from voucher_selection.pipeline.cleaning import clean_shard

settings = CleanSettings.from_environment()
lake = Lake(settings.bucket, s3_client())


class CleanEvent(BaseModel):
    """One item of the map: a shard of the manifest, and how to read its rows."""

    run_id: RunId
    reading: Reading
    shard: Shard


@observed()
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Clean a shard and return its totals."""
    task = CleanEvent.model_validate(event)
    logger.append_keys(run_id=task.run_id, shard=task.shard.number)
    totals = clean_shard(lake, task.run_id, task.shard, task.reading, settings.batch_rows)
    _emit(totals)
    answer = totals.model_dump(mode="json", exclude={"other_countries"})  # the names may take many kB
    logger.info("cleaned", totals=answer)
    return answer


def _emit(totals: Totals) -> None:
    emit(ROWS_READ, totals.rows_read)
    emit(ROWS_KEPT, totals.kept)
    emit(ROWS_OTHER_COUNTRY, totals.other_country)
    emit(ROWS_REJECTED, sum(totals.rejected.values()))
    for rule, rows in totals.rejected.items():
        if rows:
            emit(ROWS_REJECTED_BY_RULE, rows, rule)
