"""Rollback: serve a kept version again, and write the run's summary."""

from datetime import UTC, datetime

from pydantic import BaseModel

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.catalog_items import Pointer
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.domain.errors import NoModel, NoVersion, UnreadableItem
from voucher_selection.domain.model import Version
from voucher_selection.domain.requests import RollbackRequest
from voucher_selection.domain.runs import Run
from voucher_selection.domain.summaries import Outcome, PointerSummary, RollbackSummary
from voucher_selection.pipeline.attempts import attempts, contended
from voucher_selection.pipeline.conclusion import keep, record, superseded


class _Settled(BaseModel):
    """The versions of a rollback, stored so that a repetition does not choose another "version before".

    `from_version` is None if the pointer could not be read.
    """

    from_version: str | None
    to_version: str


def roll_back(run: Run, request: RollbackRequest, stores: Stores, _settings: ModelSettings) -> PointerSummary:
    """Serve the version that the request names, or the one served before, and write the run's summary.

    Later runs build on this version: an append adds to its counts, a remodel uses them. If this run has already moved
    the pointer, it does not move it again, because another run may have moved it since.

    Raises
    ------
    NoModel
        No model has been published yet.
    NoVersion
        The catalog does not keep the version, or no version was served before.
    UnreadableItem
        The request names no version, and the pointer cannot be read.
    """
    summary = stores.catalog.moved_by(run.run_id) or _roll_back(run, request, stores)
    record(summary, stores.lake)
    keep(stores.catalog)
    return summary


def _roll_back(run: Run, request: RollbackRequest, stores: Stores) -> RollbackSummary:
    settled = _settle(run, request, stores)
    kept = _kept(stores.catalog, settled.to_version)
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
            countries=kept.countries if kept else None,
            cur_date=kept.cur_date if kept else None,
        )
        if pointer and served == settled.to_version:
            nothing_new = {"outcome": Outcome.NOTHING_NEW, "published": False}
            return summary.model_copy(update=nothing_new | {"previous_version": pointer.previous_version})
        if pointer and request.version is None and served != settled.from_version:
            # The version to go back from is no longer the served one.
            return superseded(summary, pointer)
        if not stores.catalog.serve_again(served, summary):
            return summary
    raise contended("rollback")


def _kept(catalog: Catalog, version: str) -> Version | None:
    """Return a version; None if the catalog lacks it: the attempt to serve it says why."""
    try:
        return catalog.version(version)
    except (NoModel, UnreadableItem):
        return None


def _pointer(catalog: Catalog, request: RollbackRequest) -> Pointer | None:
    """Return the pointer; None if it cannot be read, but the request names the version to serve."""
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
            raise NoVersion(f"{served} is the first version: no version was served before it")
        settled = _Settled(from_version=served, to_version=to_version)
        stores.lake.write_json(key, settled)
    return settled
