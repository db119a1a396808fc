"""The Watch function: every five minutes it looks when a model was last published, and whether the API answers."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.emitted_metrics import emit
from voucher_selection.adapters.health_check import fault_of
from voucher_selection.adapters.observability import logger, observed
from voucher_selection.adapters.settings import WatchSettings
from voucher_selection.api.publications import last_published_at
from voucher_selection.contract.metrics import HEALTH_CHECK_FAILED, PUBLICATION_AGE
from voucher_selection.domain.errors import VoucherSelectionError

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# The next try is in five minutes; the API needs its time to answer.
_QUICK = Config(connect_timeout=1, read_timeout=2, retries={"total_max_attempts": 1})

settings = WatchSettings.from_environment()
_client = botocore.session.get_session().create_client("dynamodb", config=_QUICK)
catalog = Catalog(settings.table, cast("DynamoDBClient", _client))


@observed()
def lambda_handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Emit how long ago a model was published, and whether the API answers; return the fault, if it does not."""
    should_answer = _watch_publications()
    if not settings.health_url:
        return {"fault": ""}
    fault = fault_of(settings.health_url, settings.health_timeout_seconds) if should_answer else ""
    emit(HEALTH_CHECK_FAILED, int(bool(fault)))
    if fault:
        logger.error("the API does not answer", reason=fault)
    return {"fault": fault}


def _watch_publications() -> bool:
    """Emit the age of the last publication; return whether the API should answer: False before the first.

    Without a model the API answers 503, as it should. If the catalog cannot be read, the API's own answer tells more.
    """
    try:
        published_at = last_published_at(catalog)
    except VoucherSelectionError as error:
        logger.warning("the catalog does not say when a model was published", reason=str(error))
        return True
    if published_at is None:
        return False
    emit(PUBLICATION_AGE, (datetime.now(UTC) - published_at).total_seconds())
    return True
