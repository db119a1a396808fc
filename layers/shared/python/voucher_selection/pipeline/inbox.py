"""Inbox: start runs for what arrives in the inbox, and say what became of it.

Events only say that something arrived. What to take is in the bucket, and what is counted is in the ledger: an event
that comes twice, late or never changes no count.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.inbox_lease import InboxLease, Lease
from voucher_selection.adapters.inbox_objects import InboxObjects
from voucher_selection.adapters.observability import logger
from voucher_selection.adapters.state_machine import Standing, StateMachine
from voucher_selection.contract.runs import Overlap
from voucher_selection.domain.errors import NoModel
from voucher_selection.domain.inbox import Dropped, contents_of_inbox, first_batch
from voucher_selection.domain.inbox_results import InboxResult, Settlement, settlement
from voucher_selection.domain.inbox_runs import Batch, Ending, Next, request_for

_RUNNING = "RUNNING"
_NOTHING = Next(settled=True, waiting=())


class Inbox(NamedTuple):
    """What the function Inbox works with; `overlap` is that of its appends."""

    objects: InboxObjects
    lease: InboxLease
    machine: StateMachine
    catalog: Catalog
    overlap: Overlap


def take(inbox: Inbox) -> None:
    """Start a run for what is in the inbox, unless a run of the inbox works: its end takes what is there by then."""
    lease = inbox.lease.arrived()
    if lease.run_id is None or inbox.lease.may_ask(lease):
        _go_on(inbox, lease, inbox.machine.standing)


def end(inbox: Inbox, run_id: str) -> bool:
    """Settle the files of a run that has ended, and start the next run if there is something to take.

    Returns
    -------
    bool
        Whether other runs try the files of this one, so that its failure is not the end.
    """
    ended = Standing("ENDED", None, "")

    def standing(of_run: str) -> Standing | None:
        return ended if of_run == run_id else inbox.machine.standing(of_run)

    batch = inbox.objects.batch(run_id)
    goes_on = batch is not None and not _settlement(inbox, batch, ended).what_next.settled
    _go_on(inbox, inbox.lease.read(), standing)
    return goes_on


def _go_on(inbox: Inbox, lease: Lease, standing_of: Callable[[str], Standing | None]) -> None:
    """Bring the inbox from one run to the next, until a run works or there is nothing to take."""
    settled: dict[str, Next] = {}
    while True:
        what_next = settled.get(lease.run_id or "", _NOTHING)
        if lease.run_id and lease.run_id not in settled:
            standing = standing_of(lease.run_id)
            if standing and standing.status == _RUNNING:
                return
            batch = inbox.objects.batch(lease.run_id)
            if batch and standing is None:  # whoever took the lease died before the run started
                inbox.machine.start_as(batch.run_id, batch.request)
                return
            if batch and standing:
                what_next = settled[batch.run_id] = _settled(inbox, batch, standing)
        started = _started(inbox, lease, what_next)
        if started or (lease.run_id is None and started is None):
            return
        if started is None and inbox.lease.given_back(lease):
            return
        lease = inbox.lease.read()


def _started(inbox: Inbox, lease: Lease, what_next: Next) -> bool | None:
    """Start the next run; return False if somebody else was quicker, and None if there is nothing to take."""
    if not what_next.waiting:
        what_next = Next(settled=True, waiting=_arrived(inbox))
    if not what_next.waiting:
        return None
    request = request_for(inbox.objects.folder, inbox.overlap, is_first=_is_first(inbox.catalog))
    batch = Batch.of(what_next, request, after=f"{lease.run_id} {lease.arrivals}")
    inbox.objects.write_batch(batch)
    if not inbox.lease.moved(lease, batch.run_id):
        return False
    inbox.machine.start_as(batch.run_id, batch.request)
    logger.info("started", run=batch.run_id, files=len(batch.files), waiting=len(batch.waiting), attempt=batch.attempt)
    return True


def _arrived(inbox: Inbox) -> tuple[tuple[Dropped, ...], ...]:
    """Return the files that the next run takes, if any; settle those that no run can take."""
    contents = contents_of_inbox(inbox.objects.unsettled())
    now = datetime.now(UTC)
    inbox.objects.settle(InboxResult.refused(found, now) for found in contents.refused)
    files = first_batch(contents.takeable)
    return (files,) if files else ()


def _settled(inbox: Inbox, batch: Batch, standing: Standing) -> Next:
    """Settle the files of a run that has ended, as far as they need no other run; return what follows."""
    results, what_next = _settlement(inbox, batch, standing)
    inbox.objects.settle(results)
    logger.info("ended", run=batch.run_id, files=len(batch.files), settled=len(results), waiting=len(what_next.waiting))
    return what_next


def _settlement(inbox: Inbox, batch: Batch, standing: Standing) -> Settlement:
    ending, plan = _ending(inbox, batch.run_id, standing), inbox.objects.plan(batch.run_id)
    return settlement(batch, ending, plan, inbox.objects.folder, datetime.now(UTC))


def _ending(inbox: Inbox, run_id: str, standing: Standing) -> Ending:
    """Return how a run ended, by its record; an execution that was stopped or took too long leaves none."""
    record = inbox.objects.record(run_id)
    if record is None:
        return Ending({}, standing.error or standing.status, standing.message)
    return Ending(record, record.get("error"), record.get("cause", ""))


def _is_first(catalog: Catalog) -> bool:
    try:
        catalog.served_version()
    except NoModel:
        return True
    return False
