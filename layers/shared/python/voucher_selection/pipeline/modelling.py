"""Model: what the last state of the state machine does for each kind of run."""

from collections.abc import Callable
from typing import Any

from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.domain.kinds import requests_through
from voucher_selection.domain.requests import (
    AppendRequest,
    ApproveRequest,
    AssignRequest,
    FullRequest,
    RemodelRequest,
    RollbackRequest,
    RunRequest,
)
from voucher_selection.domain.runs import Run
from voucher_selection.domain.summaries import Summary
from voucher_selection.pipeline.approval import approve
from voucher_selection.pipeline.assigning import sum_up_assignment
from voucher_selection.pipeline.publishing import publish_run
from voucher_selection.pipeline.remodelling import remodel
from voucher_selection.pipeline.rollback import roll_back

_MODELS: dict[type[RunRequest], Callable[[Run, Any, Stores, ModelSettings], Summary]] = {
    FullRequest: publish_run,
    AppendRequest: publish_run,
    AssignRequest: sum_up_assignment,
    RemodelRequest: remodel,
    RollbackRequest: roll_back,
    ApproveRequest: approve,
}
if _MODELS.keys() != requests_through("Model"):
    raise TypeError("Model handles other kinds of run than the state machine sends to it")


def model(run: Run, request: RunRequest, stores: Stores, settings: ModelSettings) -> Summary:
    """Do what a run ends with: publish its model or report it, sum up its assignments, or move the pointer.

    Returns
    -------
    The summary of the run, which is written beside its objects too.

    Raises
    ------
    VoucherSelectionError
        What the function that handles the request raises.
    """
    return _MODELS[type(request)](run, request, stores, settings)
