"""Model, of a remodel: from counts that there are, for another date or other segments; published, or only told."""

from datetime import UTC, date, datetime
from typing import NamedTuple

from voucher_selection.adapters.catalog import Base, Catalog
from voucher_selection.adapters.catalog_items import Pointer
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.servable import check_what_if
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.domain.errors import NoCounts, NoModel
from voucher_selection.domain.gate import Served, Thresholds, check
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.lookups import selection_criteria
from voucher_selection.domain.model import Model, SegmentMode
from voucher_selection.domain.requests import RemodelRequest, WhatIfRequest
from voucher_selection.domain.runs import CountsOrigin, Outcome, PointerSummary, RemodelSummary, RunPlan, version_of
from voucher_selection.domain.time_zones import day_in
from voucher_selection.domain.what_if import SegmentChange, WhatIf, changed_segments
from voucher_selection.pipeline.attempts import attempts, contended
from voucher_selection.pipeline.conclusion import expire, record, superseded
from voucher_selection.pipeline.counts_to_build_on import ledger_if_there, read_counts, read_ledger
from voucher_selection.pipeline.publishing import make_model, modes_table

# Of the changes, a summary tells this many: it is its execution's result, which is limited to 256 KiB.
_TOLD_CHANGES = 100


class _Asked(NamedTuple):
    """What a remodel, or a what-if, is asked: by which run, when, and for which date (None: that day's)."""

    run_id: str
    started_at: datetime
    cur_date: date | None
    request: WhatIfRequest

    @property
    def version(self) -> str:
        """The version of the model."""
        return version_of(self.started_at, self.run_id)


class _Counts(NamedTuple):
    """Counts that a model is made from, what they are of, and their ledger (None: from before there were ledgers)."""

    counted: CountsOrigin
    countries: tuple[str, ...]
    time_zone: str
    ledger: Ledger | None


class _Remodelled(NamedTuple):
    """A model, what it was made from, and what was served when it was made (None: nothing), with its modes."""

    model: Model
    counted: CountsOrigin
    base: Base | None
    served: tuple[SegmentMode, ...]
    changes: tuple[SegmentChange, ...]


def remodel(
    run_id: str, started_at: datetime, request: RemodelRequest, lake: Lake, catalog: Catalog, settings: ModelSettings
) -> PointerSummary:
    """Make a model from counts in `production/`, publish it or tell what it would be, and sum the run up.

    What the request does not name stays as it is served; the date is the deployment's, or the day of the start in the
    time zone of the counts. Of a run that has published already, nothing is made again.

    Raises
    ------
    NoCounts
        Nothing is served yet, or the run named has left no counts.
    ObjectAltered, ObjectMissing
        The counts are not as their run has left them.
    TooManyAmounts, ModelTooLarge, AmountOutOfRange
        The model could not be served, or answered; nothing is written.
    HeldBack
        The model does not keep to the thresholds; nothing is written.
    CatalogContended
        Other runs have published again and again meanwhile.
    """
    asked = _Asked(run_id, started_at, request.cur_date or settings.cur_date, request)
    if not request.publish:
        return _tell(_make(asked, lake, catalog), started_at, lake)
    thresholds = settings.gate.with_those_of(request.gate)
    summary = catalog.moved_by(run_id) or _remodel(asked, lake, catalog, thresholds)
    record(summary, lake)
    expire(catalog, settings.retention)
    return summary


def make_what_if(
    asked_at: datetime, request: WhatIfRequest, lake: Lake, catalog: Catalog, cur_date: date | None
) -> WhatIf:
    """Return what a remodel would publish and change; nothing is written.

    Parameters
    ----------
    asked_at
        Stands in for the start of the run that there is not.
    cur_date
        The date unless the request names another; None: the day it is asked, in the counts' time zone.

    Raises
    ------
    NoCounts
        Nothing is served yet, or the run named has left no counts.
    ObjectAltered, ObjectMissing
        The counts are not as their run has left them.
    TooManyAmounts, ModelTooLarge, AmountOutOfRange
        The model could not be served, or answered; nothing is written.
    """
    what_if = _what_if(_make(_Asked("what-if", asked_at, request.cur_date or cur_date, request), lake, catalog))
    check_what_if(what_if)
    return what_if


def _remodel(asked: _Asked, lake: Lake, catalog: Catalog, thresholds: Thresholds) -> RemodelSummary:
    for _ in attempts():
        made = _make(asked, lake, catalog)
        check(made.model.modes, None, Served(made.served, None), thresholds)
        lake.write_table(RunKeys(asked.run_id).modes, modes_table(made.model.modes))
        summary = _summary(made, asked.started_at, Outcome.PUBLISHED, asked.version)
        stays = _publish(made, summary, catalog)
        if stays is None:
            return summary
        if stays.newest_version >= asked.version:
            return superseded(summary, stays)
    raise contended("remodel")


def _make(asked: _Asked, lake: Lake, catalog: Catalog) -> _Remodelled:
    base = _served(catalog)
    counted, countries, time_zone, ledger = _counted(asked.request, base, lake)
    cur_date = asked.cur_date or day_in(asked.started_at, time_zone)
    definitions = asked.request.segments or (
        base.served.definitions if base else lake.read_json(RunKeys(counted.run_id).plan, RunPlan).definitions
    )
    model = make_model(
        asked.version,
        asked.run_id,
        read_counts(lake, counted.run_id, ledger),
        definitions=definitions,
        countries=countries,
        cur_date=cur_date,
        time_zone=time_zone,
    )
    served = catalog.read(base.version).modes if base else ()
    return _Remodelled(model, counted, base, served, tuple(changed_segments(served, model.modes)))


def _served(catalog: Catalog) -> Base | None:
    try:
        return catalog.base()
    except NoModel:
        return None


def _counted(request: WhatIfRequest, base: Base | None, lake: Lake) -> _Counts:
    """Return which counts are used, the countries that they are of, the time zone of their days, and their ledger."""
    if request.run_id:
        ledger = read_ledger(lake, CountsOrigin(request.run_id, None))
        counted = CountsOrigin(request.run_id, ledger.rows, lake.stored(RunKeys(request.run_id).ledger))
        return _Counts(counted, ledger.countries, ledger.time_zone, ledger)
    if base is None:
        raise NoCounts("there are no counts to make a model from yet: run the pipeline on a whole history first")
    served = base.served
    return _Counts(served.counted, served.countries, served.time_zone, ledger_if_there(lake, served.counted))


def _publish(made: _Remodelled, summary: RemodelSummary, catalog: Catalog) -> Pointer | None:
    """Serve the model in the place of the one it was made from: history appended meanwhile is not to be lost."""
    model, counted, base, *_ = made
    if base is None:
        return catalog.publish(model, counted, summary)
    if base.pointer.newest_version >= model.version:  # it would be kept, and never served
        return base.pointer
    return catalog.replace(base, model, counted, summary)


def _tell(made: _Remodelled, started_at: datetime, lake: Lake) -> RemodelSummary:
    what_if, keys = _what_if(made), RunKeys(made.model.run_id)
    lake.write_json(keys.what_if, what_if)
    summary = _summary(made, started_at, Outcome.WHAT_IF, what_if.served_version)
    summary = summary.model_copy(update={"what_if_key": keys.what_if})
    lake.write_json(keys.summary, summary)
    return summary


def _what_if(made: _Remodelled) -> WhatIf:
    return WhatIf(
        counts_run_id=made.counted.run_id,
        served_version=made.base.version if made.base else None,
        definitions=made.model.definitions,
        changes=made.changes,
        **selection_criteria(made.model),
    )


def _summary(made: _Remodelled, started_at: datetime, outcome: Outcome, served_version: str | None) -> RemodelSummary:
    return RemodelSummary(
        run_id=made.model.run_id,
        outcome=outcome,
        counts_run_id=made.counted.run_id,
        countries=made.model.countries,
        cur_date=made.model.cur_date,
        time_zone=made.model.time_zone,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        version=made.model.version,
        published=outcome is Outcome.PUBLISHED,
        served_version=served_version,
        changed_segments=len(made.changes),
        changes=made.changes[:_TOLD_CHANGES],
    )
