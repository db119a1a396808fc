"""Model, the last state of the state machine: call the function that ends each kind of run."""

from collections.abc import Callable, Mapping
from typing import Any

from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.contract.runs import MODEL, modes_through
from voucher_selection.domain.requests import RunRequest
from voucher_selection.domain.runs import Run
from voucher_selection.domain.summaries import Summary
from voucher_selection.pipeline.approval import approve
from voucher_selection.pipeline.assigning import sum_up_assignment
from voucher_selection.pipeline.publishing import publish_run
from voucher_selection.pipeline.remodelling import remodel
from voucher_selection.pipeline.rollback import roll_back

_MODELS: Mapping[str, Callable[[Run, Any, Stores, ModelSettings], Summary]] = {
    "full": publish_run,
    "append": publish_run,
    "assign": sum_up_assignment,
    "remodel": remodel,
    "rollback": roll_back,
    "approve": approve,
}
if _MODELS.keys() != modes_through(MODEL):
    raise TypeError("expected Model to handle exactly the kinds of run that the state machine sends to it")


def model(run: Run, request: RunRequest, stores: Stores, settings: ModelSettings) -> Summary:
    """End a run as its kind asks, and return its summary, which is also written to the lake."""
    return _MODELS[request.mode](run, request, stores, settings)
