"""Model, of a remodel: from counts that there are, for another date or other segments; published, or only told."""

from datetime import UTC, date, datetime
from typing import NamedTuple

from voucher_selection.adapters.catalog import Base, Catalog, Publication
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.servable import check_segments, check_servable, check_what_if
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.domain.errors import CatalogContended, NoCounts, NoModel
from voucher_selection.domain.gate import Served, check
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.lookups import selection_criteria
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.requests import RemodelRequest, WhatIfRequest
from voucher_selection.domain.retention import Retention
from voucher_selection.domain.runs import Counted, Outcome, RemodelSummary, RunPlan, day_in_utc, version_of
from voucher_selection.domain.served_model import SegmentMode, ServedModel
from voucher_selection.domain.what_if import SegmentChange, WhatIf, changed_segments
from voucher_selection.pipeline.base_counts import ledger_if_there, read_counts, read_ledger
from voucher_selection.pipeline.publishing import ATTEMPTS, modes_table, pause

# Of the changes, a summary tells this many: it is its execution's result, which is limited to 256 KiB.
_TOLD_CHANGES = 100


class _Remodelled(NamedTuple):
    """A model, what it was made from, and what was served when it was made (None: nothing), with its modes."""

    model: ServedModel
    counted: Counted
    base: Base | None
    served: tuple[SegmentMode, ...]
    changes: tuple[SegmentChange, ...]


def remodel(
    run_id: str, started_at: datetime, request: RemodelRequest, lake: Lake, catalog: Catalog, settings: ModelSettings
) -> RemodelSummary:
    """Make a model from counts in `production/`, publish it or tell what it would be, and sum the run up.

    What the request does not name stays as it is served; the date is the deployment's, or the day of the start (UTC).

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
    version = version_of(started_at, run_id)
    cur_date = request.cur_date or settings.cur_date or day_in_utc(started_at)
    if not request.publish:
        return _tell(_make(version, run_id, cur_date, request, lake, catalog), started_at, lake)
    for _ in range(ATTEMPTS):
        made = _make(version, run_id, cur_date, request, lake, catalog)
        check(made.model.modes, None, Served(made.served, None), settings.gate.with_those_of(request.gate))
        lake.write_table(RunKeys(run_id).modes, modes_table(made.model.modes))
        publication = _publish(made, catalog, settings.retention)
        if publication.published or publication.newest_version >= version:
            return _record(made, publication, started_at, lake)
        pause()
    raise CatalogContended(f"the served model was replaced {ATTEMPTS} times during this remodel: start it again")


def make_what_if(
    asked_at: datetime, request: WhatIfRequest, lake: Lake, catalog: Catalog, cur_date: date | None
) -> WhatIf:
    """Return what a remodel would publish and change; nothing is written.

    Parameters
    ----------
    asked_at
        Stands in for the start of the run that there is not.
    cur_date
        The date unless the request names another; None: the day it is asked (UTC).

    Raises
    ------
    NoCounts
        Nothing is served yet, or the run named has left no counts.
    ObjectAltered, ObjectMissing
        The counts are not as their run has left them.
    TooManyAmounts, ModelTooLarge, AmountOutOfRange
        The model could not be served, or answered; nothing is written.
    """
    run_id = "what-if"
    cur_date = request.cur_date or cur_date or day_in_utc(asked_at)
    what_if = _what_if(_make(version_of(asked_at, run_id), run_id, cur_date, request, lake, catalog))
    check_what_if(what_if)
    return what_if


def _make(
    version: str, run_id: str, cur_date: date, request: WhatIfRequest, lake: Lake, catalog: Catalog
) -> _Remodelled:
    base = _served(catalog)
    counted, countries, ledger = _counted(request, base, lake)
    definitions = request.segments or (
        base.definitions if base else lake.read_json(RunKeys(counted.run_id).plan, RunPlan).definitions
    )
    check_segments(countries, definitions)
    counts = read_counts(lake, counted.run_id, ledger)
    model = ServedModel(
        version=version,
        run_id=run_id,
        cur_date=cur_date,
        published_at=datetime.now(UTC),
        countries=countries,
        definitions=definitions,
        modes=segment_modes(counts, definitions, cur_date, countries),
    )
    check_servable(model)
    served = catalog.read(base.version).modes if base else ()
    return _Remodelled(model, counted, base, served, tuple(changed_segments(served, model.modes)))


def _served(catalog: Catalog) -> Base | None:
    try:
        return catalog.base()
    except NoModel:
        return None


def _counted(request: WhatIfRequest, base: Base | None, lake: Lake) -> tuple[Counted, tuple[str, ...], Ledger | None]:
    """Return which counts are used, the countries that they are of, and their ledger."""
    if request.run_id:
        ledger = read_ledger(lake, Counted(request.run_id, None))
        counted = Counted(request.run_id, ledger.rows, lake.stored(RunKeys(request.run_id).ledger))
        return counted, ledger.countries, ledger
    if base is None:
        raise NoCounts("there are no counts to make a model from yet: run the pipeline on a whole history first")
    return base.counted, base.countries, ledger_if_there(lake, base.counted)


def _publish(made: _Remodelled, catalog: Catalog, retention: Retention) -> Publication:
    """Serve the model in the place of the one it was made from: history appended meanwhile is not to be lost."""
    model, counted, base, *_ = made
    if base is None:
        return catalog.publish(model, counted, retention, model.published_at)
    if base.newest_version >= model.version:
        return Publication(base.version == model.version, base.version, base.newest_version)
    return catalog.replace(base, model, counted, retention, model.published_at)


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


def _record(made: _Remodelled, publication: Publication, started_at: datetime, lake: Lake) -> RemodelSummary:
    outcome = Outcome.PUBLISHED if publication.published else Outcome.SUPERSEDED
    summary = _summary(made, started_at, outcome, publication.served_version)
    lake.write_json(RunKeys(made.model.run_id).summary, summary)
    return summary


def _summary(made: _Remodelled, started_at: datetime, outcome: Outcome, served_version: str | None) -> RemodelSummary:
    return RemodelSummary(
        run_id=made.model.run_id,
        outcome=outcome,
        counts_run_id=made.counted.run_id,
        countries=made.model.countries,
        cur_date=made.model.cur_date,
        started_at=started_at,
        finished_at=datetime.now(UTC),
        version=made.model.version,
        published=outcome is Outcome.PUBLISHED,
        served_version=served_version,
        changed_segments=len(made.changes),
        changes=made.changes[:_TOLD_CHANGES],
    )
