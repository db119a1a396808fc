"""Remodel: make a model from existing counts, for another date or other segments; publish it, or only report it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

from voucher_selection.adapters.answer_sizes import LARGEST_ANSWER, MOST_AMOUNTS, answer_size
from voucher_selection.adapters.catalog import Base, Catalog
from voucher_selection.adapters.catalog_items import Pointer
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import (
    EmptyWindow,
    HeldBack,
    ModelTooLarge,
    NoCounts,
    NothingToRefresh,
    RefreshHeldBack,
)
from voucher_selection.domain.gate import Thresholds, check
from voucher_selection.domain.model import Model, Version, shortened
from voucher_selection.domain.model_document import selection_criteria
from voucher_selection.domain.plans import HistoryPlan
from voucher_selection.domain.requests import RemodelRequest, WhatIfRequest
from voucher_selection.domain.runs import Run
from voucher_selection.domain.summaries import Outcome, PointerSummary, RemodelSummary
from voucher_selection.domain.time_zones import day_in
from voucher_selection.domain.what_if import SegmentChange, WhatIf, changed_segments
from voucher_selection.domain.windows import ALL_DAYS
from voucher_selection.pipeline.attempts import attempts, contended
from voucher_selection.pipeline.conclusion import expire, record, superseded
from voucher_selection.pipeline.counts_to_build_on import base_if_served, counts_to_model, read_counts
from voucher_selection.pipeline.publishing import make_model, write_model

# A summary lists at most this many changes: it is the result of the execution, which has at most 256 KiB.
_MOST_CHANGES = 100

# The next night's refresh meets these again, until somebody acts: they are told once, not every night.
_SAME_EVERY_NIGHT = (HeldBack, EmptyWindow, NoCounts)


@dataclass(frozen=True)
class _Remodelled:
    """A model with its counts, and the model that was served when it was made (None: no model was served)."""

    model: Model
    counts: Counts
    base: Base | None
    served: Model | None

    @cached_property
    def changes(self) -> tuple[SegmentChange, ...]:
        """The segments whose amount differs from the served one."""
        return tuple(changed_segments(self.served.modes if self.served else (), self.model.modes))


def remodel(run: Run, request: RemodelRequest, stores: Stores, settings: ModelSettings) -> PointerSummary:
    """Make a model from counts in `production/`, publish or only report it, and write a summary.

    Counts, segments and window that the request does not name are those of the served model. The default date is the
    deployment's, or else the day of the start in the time zone of the counts. If the run has already published, its
    model is not made again. Nothing is written for a model that cannot be served or that the quality gate holds back.

    Raises
    ------
    VoucherSelectionError
        As `make_what_if` and `gate.check`.
    RefreshHeldBack
        In place of `HeldBack`, `EmptyWindow` and `NoCounts`, if the request is that of the schedule.
    NothingToRefresh
        The same, before the first model is published.
    CatalogContended
        Other runs published during each attempt.
    """
    if not request.publish:
        return _report(run, _make(run, request, stores, settings.cur_date), stores.lake)
    thresholds = settings.gate.with_those_of(request.gate)
    try:
        summary = stores.catalog.moved_by(run.run_id) or _remodel(run, request, stores, settings.cur_date, thresholds)
    except _SAME_EVERY_NIGHT as error:
        if not request.scheduled:
            raise
        if request.run_id is None and base_if_served(stores.catalog) is None:
            raise NothingToRefresh(str(error)) from error
        raise RefreshHeldBack(str(error)) from error
    record(summary, stores.lake)
    expire(stores.catalog, settings.retention)
    return summary


def make_what_if(asked_at: datetime, request: WhatIfRequest, stores: Stores, cur_date: date | None) -> WhatIf:
    """Return the model that a remodel would publish, and what it would change; nothing is written.

    If that is too large for an answer of Lambda, each segment and country lists only its leading amounts.

    Parameters
    ----------
    asked_at
        The time of the request, used as the start of the run.
    cur_date
        The date if the request names none; None: the day of `asked_at`, in the counts' time zone.

    Raises
    ------
    NoCounts, OldCounts
        No model is served yet, or the named run left no counts that can be used.
    EmptyWindow
        No assignment is in the window.
    ObjectAltered, ObjectMissing
        The counts are missing, or differ from those that their run wrote.
    TooManyAmounts, ModelTooLarge, AmountOutOfRange
        The model could not be served, or the what-if is too large even without the other amounts.
    """
    made = _make(Run("what-if", asked_at), request, stores, cur_date)
    whole, short = made.model, made.model.part(map(shortened, made.model.entries))
    may_fit = sum(mode.amounts for mode in whole.entries) <= MOST_AMOUNTS
    for model in (whole, short) if may_fit else (short,):
        what_if = _what_if(made, model)
        size = answer_size(what_if.model_dump(mode="json"))
        if size <= LARGEST_ANSWER:
            return what_if
    raise ModelTooLarge(
        f"expected a what-if of at most {LARGEST_ANSWER:,} bytes, got {size:,} with {len(what_if.segments):,} segments"
        f" and {len(what_if.changes):,} changes: ask for fewer segments, or start a remodel with"
        ' "publish": false, which writes its what-if to the lake'
    )


def _remodel(
    run: Run, request: RemodelRequest, stores: Stores, cur_date: date | None, thresholds: Thresholds
) -> RemodelSummary:
    for _ in attempts():
        made = _make(run, request, stores, cur_date)
        check(made.model.modes, None, made.served, thresholds)
        write_model(stores.lake, made.counts, made.model)
        summary = _summary(run, made, Outcome.PUBLISHED, run.version)
        stays = _publish(made, summary, stores.catalog)
        if stays is None:
            return summary
        if stays.newest_version >= run.version:
            return superseded(summary, stays)
    raise contended("remodel")


def _make(run: Run, request: WhatIfRequest, stores: Stores, cur_date: date | None) -> _Remodelled:
    base = base_if_served(stores.catalog)
    origin, countries, time_zone, ledger = counts_to_model(request.run_id, base, stores.lake)
    definitions = request.segments or (
        base.served.definitions if base else stores.lake.read_json(RunKeys(origin.run_id).plan, HistoryPlan).definitions
    )
    version = Version(
        version=run.version,
        run_id=run.run_id,
        counts=origin,
        cur_date=request.cur_date or cur_date or day_in(run.started_at, time_zone),
        published_at=datetime.now(UTC),
        countries=countries,
        definitions=definitions,
        time_zone=time_zone,
        window=request.window or (base.served.window if base else ALL_DAYS),
    )
    counts = read_counts(stores.lake, origin.run_id, ledger)
    return _Remodelled(make_model(version, counts), counts, base, stores.catalog.read(base.version) if base else None)


def _publish(made: _Remodelled, summary: RemodelSummary, catalog: Catalog) -> Pointer | None:
    """Serve the model only in place of the one that it was compared with, so that no append is lost meanwhile."""
    model, base = made.model, made.base
    if base is None:
        return catalog.publish(model, summary)
    if base.pointer.newest_version >= model.version:  # a newer run was served: this model would never be
        return base.pointer
    return catalog.replace(base, model, summary)


def _report(run: Run, made: _Remodelled, lake: Lake) -> RemodelSummary:
    what_if, keys = _what_if(made, made.model), RunKeys(run.run_id)
    lake.write_json(keys.what_if, what_if)
    summary = _summary(run, made, Outcome.WHAT_IF, what_if.served_version)
    summary = summary.model_copy(update={"what_if_key": keys.what_if})
    lake.write_json(keys.summary, summary)
    return summary


def _what_if(made: _Remodelled, model: Model) -> WhatIf:
    """Return the report of what was made; `model` is that model, or the same with fewer amounts listed."""
    return WhatIf(
        counts_run_id=made.model.counts.run_id,
        served_version=made.base.version if made.base else None,
        definitions=made.model.definitions,
        changes=made.changes,
        **selection_criteria(model),
    )


def _summary(run: Run, made: _Remodelled, outcome: Outcome, served_version: str | None) -> RemodelSummary:
    return RemodelSummary(
        run_id=run.run_id,
        outcome=outcome,
        counts_run_id=made.model.counts.run_id,
        countries=made.model.countries,
        cur_date=made.model.cur_date,
        time_zone=made.model.time_zone,
        window=made.model.window,
        started_at=run.started_at,
        finished_at=datetime.now(UTC),
        version=made.model.version,
        published=outcome is Outcome.PUBLISHED,
        served_version=served_version,
        changed_segments=len(made.changes),
        changes=made.changes[:_MOST_CHANGES],
    )
