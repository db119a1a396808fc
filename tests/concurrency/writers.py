"""Who writes the catalog and who reads it, each a program; what a version's model is follows from the version."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

from tests.concurrency.clients import SteppedCatalog
from tests.concurrency.orders import State, run_alone
from tests.concurrency.steps import Ask, Program
from tests.concurrency.stores import Stored
from tests.models import model_of
from voucher_selection.domain.model import AmountCount, CountsOrigin, Model, SegmentMode
from voucher_selection.domain.retention import Retention
from voucher_selection.domain.segments import SegmentDefinitions, load_definitions
from voucher_selection.domain.summaries import Outcome, PointerSummary, RemodelSummary, RollbackSummary

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FEWEST_KEPT = 2
DAYS_KEPT = 30
V1, V2, V3, V4, V5, V6, V7, V8, V9 = (f"20250101T00000000{n}Z-v{n}" for n in range(1, 10))
type Segments = tuple[tuple[str, int | None, int | None], ...]
TWO_SEGMENTS: Segments = (("few", 0, 3), ("many", 4, None))
ONE_SEGMENT: Segments = (("all", 0, None),)


@cache
def model(version: str, segments: Segments = TWO_SEGMENTS) -> Model:
    """Return a version's model; in version `V3` the amount of every segment is 3."""
    ranges = [dict(zip(("name", "lower", "upper"), segment, strict=True)) for segment in segments]
    loyalty = {"name": "loyalty", "measure": "total_orders", "segments": ranges, "outside": None}
    amounts = (AmountCount(float(version[-1]), 1),)
    return model_of(
        *(SegmentMode("Peru", "loyalty", *segment, amounts) for segment in segments),
        version=version,
        run_id=version,
        counts=CountsOrigin(f"run-{version}"),
        published_at=NOW,
        definitions=load_definitions(json.dumps({"segmentations": [loyalty]})),
    )


def summary_of(version: str) -> PointerSummary:
    """Return the summary of the run that makes a version."""
    return RemodelSummary(
        run_id=version,
        outcome=Outcome.PUBLISHED,
        counts_run_id=version,
        countries=("Peru",),
        cur_date=date(2018, 9, 15),
        started_at=NOW,
        finished_at=NOW,
        version=version,
        published=True,
        served_version=version,
        changed_segments=0,
        changes=(),
    )


def segments_of(definitions: SegmentDefinitions) -> Segments:
    return tuple((name, *bounds) for name, bounds in definitions["loyalty"].bounds.items())


def is_whole(found: Model) -> bool:
    """Tell whether a model is what its version was published with; meanwhile it may have been marked as expiring."""
    return replace(found, expires_at=None) == model(found.version, segments_of(found.definitions))


def full_run(
    version: str, segments: Segments = TWO_SEGMENTS, *, last_first: bool = False, kept: int = FEWEST_KEPT
) -> Program:
    """Return a run that is served unless a newer one has been."""

    def run(ask: Ask) -> bool:
        catalog = SteppedCatalog(ask, last_first=last_first)
        stays = catalog.publish(model(version, segments), summary_of(version))
        catalog.expire(Retention(kept, DAYS_KEPT), NOW)
        return stays is None

    return Program(version, run)


def addition(version: str) -> Program:
    """Return a run that builds on the served version, takes over its segments, and is served only in its place.

    Where that was replaced meanwhile it builds anew on what is served, unless that is newer.
    """

    def run(ask: Ask) -> bool:
        catalog = SteppedCatalog(ask)
        published = catalog.moved_by(version) is not None
        while not published and (base := catalog.base()).pointer.newest_version < version:
            built = model(version, segments_of(base.served.definitions))
            published = catalog.replace(base, built, summary_of(version)) is None
        catalog.expire(Retention(FEWEST_KEPT, DAYS_KEPT), NOW)
        return published

    return Program(f"{version} added", run)


def rollback(version: str) -> Program:
    """Return a rollback, which goes back to a version from whatever is served."""

    def run(ask: Ask) -> bool:
        catalog, run_id = SteppedCatalog(ask), f"back-to-{version}"
        moved = catalog.moved_by(run_id) is not None
        while not moved and (served := catalog.served_version()) != version:
            summary = RollbackSummary(
                run_id=run_id,
                outcome=Outcome.PUBLISHED,
                started_at=NOW,
                finished_at=NOW,
                version=version,
                published=True,
                served_version=version,
                previous_version=served,
            )
            moved = catalog.serve_again(served, summary) is None
        catalog.keep_in_use()
        return moved

    return Program(f"back to {version}", run)


def reader() -> Program:
    """Return who reads the served model, as the API does."""

    def run(ask: Ask) -> Model:
        catalog = SteppedCatalog(ask)
        return catalog.read(catalog.served_version())

    return Program("reader", run)


def stored_after(programs: Iterable[Program]) -> Stored:
    """Return what is stored after programs have run one after the other."""
    stored = Stored({})
    for program in programs:
        stored, how = run_alone(stored, program)
        assert how.error is None
    return stored


def died_before_it_was_served(stored: Stored, version: str) -> Stored:
    """Return what is stored after a full run that died when it had written the last item of its version."""
    state = State(stored, (full_run(version).first(),))
    while ("MODEL", f"VERSION#{version}") not in state.stored.contents:
        state = state.step(0)
    return state.stored
