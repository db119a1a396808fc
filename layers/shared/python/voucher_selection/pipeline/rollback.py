"""Model, of a rollback: serve a version again that the catalog keeps, and sum the run up."""

from datetime import UTC, datetime

from pydantic import BaseModel

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.errors import NoVersion
from voucher_selection.domain.requests import RollbackRequest
from voucher_selection.domain.runs import Outcome, RollbackSummary


class _Settled(BaseModel):
    """What a rollback does: repeated, "the version before" must not mean another one."""

    from_version: str
    to_version: str


def roll_back(
    run_id: str, started_at: datetime, request: RollbackRequest, lake: Lake, catalog: Catalog
) -> RollbackSummary:
    """Serve the version that the request names, or the one served before, and write the run's summary.

    Later runs go on from it: an append adds to its counts, a remodel uses them.

    Raises
    ------
    NoModel
        None has been published yet.
    NoVersion
        The catalog does not keep that version, or there was none before.
    """
    settled = _settle(run_id, request, lake, catalog)
    pointer = catalog.serve_again(settled.to_version)
    moved = settled.to_version != settled.from_version
    summary = RollbackSummary(
        run_id=run_id,
        outcome=Outcome.PUBLISHED if moved else Outcome.NOTHING_NEW,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        version=settled.to_version,
        published=moved,
        served_version=pointer.version,
        previous_version=pointer.previous_version,
    )
    lake.write_json(RunKeys(run_id).summary, summary)
    return summary


def _settle(run_id: str, request: RollbackRequest, lake: Lake, catalog: Catalog) -> _Settled:
    key = RunKeys(run_id).rollback
    settled = lake.read_json_if_there(key, _Settled)
    if settled is None:
        pointer = catalog.pointer()
        to_version = request.version or pointer.previous_version
        if to_version is None:
            raise NoVersion(f"{pointer.version} is the first version: there is none before it to go back to")
        settled = _Settled(from_version=pointer.version, to_version=to_version)
        lake.write_json(key, settled)
    return settled
