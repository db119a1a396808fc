"""Rollback: serve a kept version again, and sum the run up."""

from datetime import UTC, datetime

from pydantic import BaseModel

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.catalog_items import Pointer
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.domain.errors import NoVersion, UnreadableItem
from voucher_selection.domain.requests import RollbackRequest
from voucher_selection.domain.runs import Run
from voucher_selection.domain.summaries import Outcome, PointerSummary, RollbackSummary
from voucher_selection.pipeline.attempts import attempts, contended
from voucher_selection.pipeline.conclusion import keep, record, superseded


class _Settled(BaseModel):
    """What a rollback does: repeated, "the version before" must not mean another one.

    `from_version` is None where the pointer could not be read.
    """

    from_version: str | None
    to_version: str


def roll_back(run: Run, request: RollbackRequest, stores: Stores, _settings: ModelSettings) -> PointerSummary:
    """Serve the version that the request names, or the one served before, and write the run's summary.

    Later runs go on from it: an append adds to its counts, a remodel uses them. Of a run that has moved the pointer
    already, nothing is done again: another run may have moved it on.

    Raises
    ------
    NoModel
        None has been published yet.
    NoVersion
        The catalog does not keep that version, or there was none before.
    UnreadableItem
        The pointer does not say which version was before.
    """
    summary = stores.catalog.moved_by(run.run_id) or _roll_back(run, request, stores)
    record(summary, stores.lake)
    keep(stores.catalog)
    return summary


def _roll_back(run: Run, request: RollbackRequest, stores: Stores) -> RollbackSummary:
    settled = _settle(run, request, stores)
    for _ in attempts():
        pointer = _pointer(stores.catalog, request)
        served = pointer.version if pointer else None
        summary = RollbackSummary(
            run_id=run.run_id,
            outcome=Outcome.PUBLISHED,
            started_at=run.started_at,
            finished_at=datetime.now(UTC),
            version=settled.to_version,
            published=True,
            served_version=settled.to_version,
            previous_version=served,
        )
        if pointer and served == settled.to_version:
            nothing_new = {"outcome": Outcome.NOTHING_NEW, "published": False}
            return summary.model_copy(update=nothing_new | {"previous_version": pointer.previous_version})
        if pointer and request.version is None and served != settled.from_version:
            # It was to go back from what is not served any more.
            return superseded(summary, pointer)
        if not stores.catalog.serve_again(served, summary):
            return summary
    raise contended("rollback")


def _pointer(catalog: Catalog, request: RollbackRequest) -> Pointer | None:
    """Return the pointer; None where it cannot be read, and the request says all the same where to go."""
    try:
        return catalog.pointer()
    except UnreadableItem:
        if request.version is None:
            raise
        return None


def _settle(run: Run, request: RollbackRequest, stores: Stores) -> _Settled:
    key = RunKeys(run.run_id).rollback
    settled = stores.lake.read_json_if_there(key, _Settled)
    if settled is None:
        pointer = _pointer(stores.catalog, request)
        served, before = (pointer.version, pointer.previous_version) if pointer else (None, None)
        to_version = request.version or before
        if to_version is None:
            raise NoVersion(f"{served} is the first version: there is none before it to go back to")
        settled = _Settled(from_version=served, to_version=to_version)
        stores.lake.write_json(key, settled)
    return settled
