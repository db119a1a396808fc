"""Publish a run over a history: make a model from the counts of its shards, and serve it."""

from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import NamedTuple

import pyarrow as pa

from voucher_selection.adapters.answer_sizes import fitting_quality
from voucher_selection.adapters.catalog import Base, Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.observability import logger
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.servable import check_segments, check_servable
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.contract.runs import Overlap
from voucher_selection.domain.assigned_on import AssignedOn
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import EmptyWindow, NoLongerCounted, NoModel, NothingKept, UnreadableItem
from voucher_selection.domain.gate import Thresholds, check
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.model import CountsOrigin, Model, SegmentMode, Version
from voucher_selection.domain.modes import country_modes, segment_modes
from voucher_selection.domain.other_countries import listed
from voucher_selection.domain.overlaps import CountedAgain, check_refused
from voucher_selection.domain.plans import HistoryPlan, UnusableSources
from voucher_selection.domain.quality import quality_of
from voucher_selection.domain.requests import AppendRequest, HistoryRequest
from voucher_selection.domain.runs import Run
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.summaries import HistorySummary, Outcome, PointerSummary
from voucher_selection.domain.totals import Totals
from voucher_selection.domain.versions import version_after
from voucher_selection.domain.windows import ALL_DAYS, Window
from voucher_selection.pipeline.attempts import attempts, contended
from voucher_selection.pipeline.conclusion import expire, record, superseded
from voucher_selection.pipeline.counts_to_build_on import (
    check_countries,
    check_time_zone,
    read_counts,
    read_ledger,
    served_base,
)
from voucher_selection.pipeline.merging import Merged, merge_shards

MODES_SCHEMA = pa.schema(
    [
        ("country_code", pa.string()),
        ("segment_name", pa.string()),
        ("segment", pa.string()),
        ("lower", pa.int64()),
        ("upper", pa.int64()),
        ("voucher_amount", pa.float64()),
        ("support", pa.int64()),
        ("share", pa.float64()),
        ("assignments", pa.list_(pa.struct([("voucher_amount", pa.float64()), ("count", pa.int64())]))),
    ]
)


def publish_run(run: Run, request: HistoryRequest, stores: Stores, settings: ModelSettings) -> PointerSummary:
    """Make the model of a run whose shards are cleaned, write it to `production/`, publish it, and write a summary.

    The model of a full run is made from its own counts. The model of an append is made from its own counts plus those
    of the model that is served at that moment. If the run has already published, its model is not made again. Nothing
    is written for a model that cannot be served or that the quality gate holds back.

    Raises
    ------
    VoucherSelectionError
        As `merge_shards`, `make_model` and `gate.check`.
    NothingKept
        No row of the run's countries was kept.
    OldCounts, OtherCountries, OtherTimeZone, AlreadyCounted, NoLongerCounted, CatalogContended
        An append cannot be added to the counts of the served model.
    DeliveryOverlaps
        An append has days that are counted already, and does not say what to do with them.
    """
    thresholds = settings.gate.with_those_of(request.gate)
    summary = stores.catalog.moved_by(run.run_id) or _publish(run, request, stores, thresholds)
    record(summary, stores.lake)
    expire(stores.catalog, settings.retention)
    return summary


def make_model(version: Version, counts: Counts) -> Model:
    """Make the model of a version from those counts that are in its window.

    Raises
    ------
    EmptyWindow
        No assignment is in the window.
    VoucherSelectionError
        As `check_servable`: the model could not be served.
    """
    check_segments(version.countries, version.definitions)
    in_window = counts_in_window(counts, version.window, version.cur_date)
    modes = segment_modes(in_window, version.definitions, version.cur_date, version.countries)
    model = Model(**vars(version), modes=modes, country_modes=country_modes(in_window, version.countries))
    check_servable(model)
    return model


def counts_in_window(counts: Counts, window: Window, cur_date: date) -> Counts:
    """Return the counts of the days in a window; raise `EmptyWindow` if there are none."""
    if window.is_all:
        return counts
    found = counts.within(*window.days(cur_date))
    if found.assignments:
        return found
    days = [day.assigned_on for day in counts.days()]
    known = f"the counts have days from {min(days)} to {max(days)}" if days else "the counts have no days"
    raise EmptyWindow(
        f"expected assignments in the window, {window} (CUR_DATE {cur_date}), got none: {known}. Name"
        " another `window`, or `all`"
    )


def modes_table(modes: tuple[SegmentMode, ...]) -> pa.Table:
    """Return the modes as a table for `production/`: a row per segment, with its amounts, the mode first."""
    rows = [
        {name: getattr(mode, name) for name in MODES_SCHEMA.names if name != "assignments"}
        | {"assignments": [asdict(assignment) for assignment in mode.assignments]}
        for mode in modes
    ]
    return pa.Table.from_pylist(rows, schema=MODES_SCHEMA)


def _baseline(catalog: Catalog) -> Model | None:
    """Return the served model, for comparison; None if no model is served, or it cannot be read."""
    try:
        return catalog.read(catalog.served_version())
    except NoModel:
        return None
    except UnreadableItem as error:
        logger.error("the served model cannot be read for comparison", reason=str(error))
        return None


def _publish(run: Run, request: HistoryRequest, stores: Stores, thresholds: Thresholds) -> HistorySummary:
    plan = stores.lake.read_json(RunKeys(run.run_id).plan, HistoryPlan)
    merged = merge_shards(stores.lake, plan)
    if plan.files:
        _check_kept(plan, merged.totals)
    if isinstance(request, AppendRequest):
        return _publish_addition(plan, merged, request.overlap, stores, thresholds)
    return _publish_whole(plan, merged, stores, thresholds)


def _publish_whole(plan: HistoryPlan, merged: Merged, stores: Stores, thresholds: Thresholds) -> HistorySummary:
    ledger = Ledger.of(plan.run_id, plan.countries, plan.files, merged.totals, plan.reading.time_zone)
    model = _model_of(plan, plan.version, plan.definitions, plan.window or ALL_DAYS, merged.counts, ledger)
    check(model.modes, merged.totals, _baseline(stores.catalog), thresholds, plan.texts.hints)
    model = _write(stores.lake, merged.counts, ledger, model)
    summary = _summary(plan, merged, None, model)
    stays = stores.catalog.publish(model, summary)
    return superseded(summary, stays) if stays else summary


def _publish_addition(
    plan: HistoryPlan, addition: Merged, overlap: Overlap, stores: Stores, thresholds: Thresholds
) -> HistorySummary:
    """Add new counts to those of the served model; try again if another run replaced that meanwhile."""
    for _ in attempts():
        base = served_base(stores.catalog)
        ledger = read_ledger(stores.lake, base.served.counts)
        check_countries(ledger, plan.countries)
        check_time_zone(ledger, plan.reading.time_zone)
        _check_source(plan, ledger)
        plan, addition = _spelled(plan, addition, ledger.countries)
        is_known = ledger.identities.issuperset(file.identity for file in plan.files)
        if is_known and overlap != "replace":
            return _summary_of_nothing_new(plan, addition, base)
        counted = read_counts(stores.lake, base.served.counts.run_id, ledger)
        added = _added(counted, addition, overlap)
        if is_known and added.counts == counted:
            return _summary_of_nothing_new(plan, addition, base)
        extended, model = _extended(base, ledger, plan, added)
        check(model.modes, addition.totals, _baseline(stores.catalog), thresholds, plan.texts.hints)
        model = _write(stores.lake, added.counts, extended, model)
        summary = _summary(plan, addition, base.served.counts.run_id, model)
        summary = summary.model_copy(
            update={"rows": added.rows.with_names_to_show(), "counted_again": added.counted_again}
        )
        if not stores.catalog.replace(base, model, summary):
            return summary
    raise contended("append")


def _spelled(plan: HistoryPlan, addition: Merged, countries: tuple[str, ...]) -> tuple[HistoryPlan, Merged]:
    """Return a plan and its counts with the served names of their countries: another model may be served by now."""
    if plan.countries == countries:
        return plan, addition
    reading = replace(plan.reading, countries=countries)
    named = addition._replace(counts=addition.counts.of_countries(countries))
    return plan.model_copy(update={"reading": reading}), named


def _check_source(plan: HistoryPlan, ledger: Ledger) -> None:
    """Check that the served counts still include the skipped objects: another model may be served since the plan."""
    if plan.known_files:
        raise NoLongerCounted(
            f"an older version planned this run, and did not record the {plan.known_files} objects of"
            f" {plan.source} that were counted before: nothing is published; start the append again"
        )
    named = plan.known + tuple(file for file in plan.files if file.identity in plan.again)
    missing = [file for file in named if file.identity not in ledger.identities]
    if missing:
        raise NoLongerCounted(
            f"{len(missing)} of the {len(plan.known) + len(plan.files)} objects of {plan.source} were counted when this"
            f" run was planned, but are not in the counts of the served model (the first: {missing[0].source}): nothing"
            " is published; start the append again, it will count them"
        )


class _Added(NamedTuple):
    """Counts with a delivery: the totals of the delivery's rows, and its days that were counted before."""

    counts: Counts
    rows: Totals
    counted_again: CountedAgain


def _added(base: Counts, addition: Merged, overlap: Overlap) -> _Added:
    """Add the counts of a delivery to those of the served model, or put them in the place of its days."""
    counted, delivered = base.days(), addition.counts.days()
    if overlap == "refuse":
        check_refused(counted, delivered)
    stays = base.without(delivered) if overlap == "replace" else base
    replaced = base.assignments - stays.assignments + addition.undated_again
    return _Added(
        Counts.sum([stays, addition.counts]),
        addition.totals.model_copy(update={"replaced": replaced}),
        CountedAgain.of(counted, delivered),
    )


def _extended(base: Base, ledger: Ledger, plan: HistoryPlan, added: _Added) -> tuple[Ledger, Model]:
    """Return the ledger and the model that result from adding a delivery to the base."""
    extended = ledger.extended(base.served.counts.run_id, plan.run_id, plan.files, added.rows, plan.again)
    # The base may come from a run that started later; this model is newer nevertheless.
    version = version_after(base.pointer.newest_version, plan.version)
    window = plan.window or base.served.window
    return extended, _model_of(plan, version, base.served.definitions, window, added.counts, extended)


def _model_of(
    plan: HistoryPlan, version: str, definitions: SegmentDefinitions, window: Window, counts: Counts, ledger: Ledger
) -> Model:
    described = Version(
        version=version,
        run_id=plan.run_id,
        counts=CountsOrigin(plan.run_id, ledger.rows),
        cur_date=plan.cur_date,
        published_at=datetime.now(UTC),
        countries=plan.countries,
        definitions=definitions,
        time_zone=plan.reading.time_zone,
        window=window,
    )
    return make_model(described, counts)


def write_model(lake: Lake, counts: Counts, model: Model) -> None:
    """Write the modes of a model, and how good it is, for readers other than the API's lookups."""
    keys = RunKeys(model.run_id)
    lake.write_table(keys.modes, modes_table(model.modes))
    in_window = counts_in_window(counts, model.window, model.cur_date)
    quality = quality_of(in_window, model.definitions, model.cur_date, model.countries)
    lake.write_json(keys.quality, fitting_quality(quality))


def _write(lake: Lake, counts: Counts, ledger: Ledger, model: Model) -> Model:
    """Write the counts, their ledger and the model; return the model with the record of its ledger."""
    keys = RunKeys(model.run_id)
    key = keys.merged_counts
    ledger = ledger.model_copy(update={"counts": lake.write_counts(key, counts), "counts_key": key})
    write_model(lake, counts, model)
    return replace(model, counts=model.counts._replace(ledger=lake.write_json(keys.ledger, ledger)))


def _summary(plan: HistoryPlan, merged: Merged, base_run_id: str | None, model: Version) -> HistorySummary:
    """Return the summary of a run whose model becomes the served one."""
    return HistorySummary(
        run_id=plan.run_id,
        mode=plan.mode,
        outcome=Outcome.PUBLISHED,
        source=plan.source,
        countries=plan.countries,
        cur_date=plan.cur_date,
        time_zone=plan.reading.time_zone,
        started_at=plan.started_at,
        finished_at=datetime.now(UTC),
        files=len(plan.files),
        known_files=len(plan.known),
        left_out=plan.left_out,
        unusable=UnusableSources.of(plan.unusable),
        texts=plan.texts,
        shards=plan.shards,
        rows=merged.totals.with_names_to_show(),
        assigned_on=AssignedOn.of(merged.counts),
        striking_dates=merged.striking_dates,
        window=model.window,
        base_run_id=base_run_id,
        version=model.version,
        published=True,
        served_version=model.version,
    )


def _summary_of_nothing_new(plan: HistoryPlan, addition: Merged, base: Base) -> HistorySummary:
    """Return the summary of an append whose objects were all counted before."""
    summary = _summary(plan, addition, base.served.counts.run_id, base.served)
    return summary.model_copy(update={"outcome": Outcome.NOTHING_NEW, "published": False})


def _others(plan: HistoryPlan, totals: Totals) -> str:
    return ", ".join(map(str, listed(totals.other_countries, totals.other_country, plan.countries))) or "others"


def _check_kept(plan: HistoryPlan, totals: Totals) -> None:
    if totals.kept:
        return
    countries = ", ".join(plan.countries)
    if totals.other_country == totals.rows_read:
        raise NothingKept(
            f"expected rows of {countries}, got none among the {totals.rows_read} rows of {plan.source}, which are of"
            f" {_others(plan, totals)}: check `countries` and the spelling in the file"
        )
    rejected = ", ".join(f"{count} {rule}" for rule, count in totals.rejected.items() if count)
    hints = "".join(f"; {hint}" for hint in plan.texts.hints)
    raise NothingKept(f"cleaning rejected every row of {countries} in {plan.source}: {rejected}{hints}")
