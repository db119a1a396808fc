"""Approval: publish a model that the quality gate held back, without changes."""

from datetime import UTC, datetime
from typing import Any

from pydantic import AwareDatetime, BaseModel

from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.contract.runs import HELD_BACK
from voucher_selection.domain.errors import NotHeldBack
from voucher_selection.domain.gate import Thresholds
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.plans import HistoryPlan
from voucher_selection.domain.requests import AppendRequest, ApproveRequest, HistoryRequest, RemodelRequest
from voucher_selection.domain.runs import Run
from voucher_selection.domain.summaries import ApprovalSummary, PointerSummary
from voucher_selection.pipeline.conclusion import record
from voucher_selection.pipeline.publishing import publish_run
from voucher_selection.pipeline.remodelling import remodel


class _Held(BaseModel):
    """The state machine's record of the held-back run; a run that succeeded has no error."""

    started_at: AwareDatetime
    request: Any = None
    error: str | None = None


def approve(run: Run, request: ApproveRequest, stores: Stores, settings: ModelSettings) -> ApprovalSummary:
    """Publish the model of a run that was held back, and write the approval's summary.

    The run is repeated without the gate; its own `run.json` then reports success. A newer model that was published
    meanwhile stays served.

    Raises
    ------
    NotHeldBack
        The run does not exist, or was not held back, or cannot be approved in this way.
    VoucherSelectionError
        Any error of the run itself; its cleaned rows expire after the stage's `staging_days`.
    """
    held = stores.lake.read_json_if_there(RunKeys(run.run_id).approval, _Held)
    if held is None:  # else this is a repetition, and the run's own record may already report success
        held = _held_back(request.run_id, stores.lake)
        stores.lake.write_json(RunKeys(run.run_id).approval, held)
    published = _publish(request, held, stores, settings)
    summary = ApprovalSummary(
        run_id=run.run_id,
        outcome=published.outcome,
        approved_run_id=request.run_id,
        started_at=run.started_at,
        finished_at=datetime.now(UTC),
        version=published.version,
        published=published.published,
        served_version=published.served_version,
        countries=published.countries,
        cur_date=published.cur_date,
    )
    record(summary, stores.lake)
    return summary


def _held_back(run_id: str, lake: Lake) -> _Held:
    held = lake.read_json_if_there(RunKeys(run_id).summary, _Held)
    if held is None:
        raise NotHeldBack(f"no run {run_id!r} has ended: approve a run that was held back")
    if held.error not in HELD_BACK:
        how = f"failed with {held.error}" if held.error else "succeeded"
        raise NotHeldBack(f"run {run_id!r} was not held back: it {how}")
    return held


def _publish(request: ApproveRequest, held: _Held, stores: Stores, settings: ModelSettings) -> PointerSummary:
    asked, run = parse_request(held.request), Run(request.run_id, held.started_at)
    open_gate = settings.model_copy(update={"gate": Thresholds()})
    if isinstance(asked, AppendRequest) and request.overlap:
        _check_read_whole(request, stores.lake)
        asked = asked.model_copy(update={"overlap": request.overlap})
    elif request.overlap:
        raise NotHeldBack(f"overlap: run {request.run_id!r} is no append, so it has no days that are counted already")
    if isinstance(asked, RemodelRequest):
        return remodel(run, asked.model_copy(update={"gate": None, "scheduled": False}), stores, open_gate)
    if isinstance(asked, HistoryRequest):
        return publish_run(run, asked.model_copy(update={"gate": None}), stores, open_gate)
    raise NotHeldBack(f"run {request.run_id!r} was not held back: its mode is {asked.mode}")


def _check_read_whole(request: ApproveRequest, lake: Lake) -> None:
    """Check that a run whose days are to replace others has read all rows of its source."""
    plan = lake.read_json(RunKeys(request.run_id).plan, HistoryPlan)
    if request.overlap == "replace" and plan.known:
        raise NotHeldBack(
            f"run {request.run_id!r} left out {len(plan.known):,} objects of {plan.source} that were counted before, so"
            ' it may lack rows of its days: start the append again with "overlap": "replace", which reads them all'
        )
