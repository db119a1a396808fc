"""The Inbox function: starts runs for what arrives in the inbox, and says what became of it when they have ended."""

from functools import cache
from typing import Any

import botocore.session
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from pydantic import BaseModel

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.inbox_lease import InboxLease
from voucher_selection.adapters.inbox_objects import InboxObjects
from voucher_selection.adapters.observability import logger, observed
from voucher_selection.adapters.settings import InboxSettings
from voucher_selection.adapters.state_machine import StateMachine
from voucher_selection.domain.runs import RunId
from voucher_selection.pipeline.inbox import Inbox, end, take

_PATIENT = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 5})

settings = InboxSettings.from_environment()


class InboxEvent(BaseModel):
    """What the function is told: the state machine, and the run that has ended; None: something may have arrived."""

    state_machine_arn: str
    ended: RunId | None = None


@observed()
def lambda_handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Take what has arrived, or settle a run that has ended; return whether other runs try its files."""
    told = InboxEvent.model_validate(event)
    inbox = _inbox(told.state_machine_arn)
    if told.ended is None:
        take(inbox)
        return {"goes_on": True}
    logger.append_keys(run_id=told.ended)
    return {"goes_on": end(inbox, told.ended)}


@cache
def _inbox(state_machine_arn: str) -> Inbox:
    """Return what the function works with. The machine calls it, so only its events can name the machine."""
    table = _client("dynamodb")
    return Inbox(
        objects=InboxObjects(settings.bucket, _client("s3")),
        lease=InboxLease(settings.table, table),
        machine=StateMachine(state_machine_arn, _client("stepfunctions")),
        catalog=Catalog(settings.table, table),
        overlap=settings.inbox_overlap,
    )


def _client(service: str) -> Any:  # noqa: ANN401 - the receiver has its type
    return botocore.session.get_session().create_client(service, config=_PATIENT)
