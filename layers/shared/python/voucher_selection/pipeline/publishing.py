"""Publish a run over a history: make a model from the counts of its shards, and serve it."""

from dataclasses import asdict, replace
from datetime import UTC, datetime

import pyarrow as pa

from voucher_selection.adapters.catalog import Base, Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.observability import logger
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.servable import check_segments, check_servable
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import NoLongerCounted, NoModel, NothingKept, UnreadableItem
from voucher_selection.domain.gate import Thresholds, check
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.model import CountsOrigin, Model, SegmentMode, Version
from voucher_selection.domain.modes import country_modes, segment_modes
from voucher_selection.domain.plans import HistoryPlan
from voucher_selection.domain.requests import HistoryRequest
from voucher_selection.domain.runs import Run
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.summaries import HistorySummary, Outcome, PointerSummary
from voucher_selection.domain.totals import Totals
from voucher_selection.domain.versions import version_after
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

_MODES_SCHEMA = pa.schema(
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
    OtherCountries, OtherTimeZone, AlreadyCounted, NoLongerCounted, CatalogContended
        An append cannot be added to the counts of the served model.
    """
    thresholds = settings.gate.with_those_of(request.gate)
    summary = stores.catalog.moved_by(run.run_id) or _publish(run, stores, thresholds)
    record(summary, stores.lake)
    expire(stores.catalog, settings.retention)
    return summary


def make_model(version: Version, counts: Counts) -> Model:
    """Make the model of a version from counts; raise the errors of `check_servable` if it could not be served."""
    check_segments(version.countries, version.definitions)
    modes = segment_modes(counts, version.definitions, version.cur_date, version.countries)
    model = Model(**vars(version), modes=modes, country_modes=country_modes(counts, version.countries))
    check_servable(model)
    return model


def modes_table(modes: tuple[SegmentMode, ...]) -> pa.Table:
    """Return the modes as a table for `production/`: a row per segment, with its amounts, the mode first."""
    rows = [
        {name: getattr(mode, name) for name in _MODES_SCHEMA.names if name != "assignments"}
        | {"assignments": [asdict(assignment) for assignment in mode.assignments]}
        for mode in modes
    ]
    return pa.Table.from_pylist(rows, schema=_MODES_SCHEMA)


def _baseline(catalog: Catalog) -> Model | None:
    """Return the served model, for comparison; None if no model is served, or it cannot be read."""
    try:
        return catalog.read(catalog.served_version())
    except NoModel:
        return None
    except UnreadableItem as error:
        logger.error("the served model cannot be read for comparison", reason=str(error))
        return None


def _publish(run: Run, stores: Stores, thresholds: Thresholds) -> HistorySummary:
    plan = stores.lake.read_json(RunKeys(run.run_id).plan, HistoryPlan)
    merged = merge_shards(stores.lake, plan)
    if plan.files:
        _check_kept(plan, merged.totals)
    publish = _publish_addition if plan.mode == "append" else _publish_whole
    return publish(plan, merged, stores, thresholds)


def _publish_whole(plan: HistoryPlan, merged: Merged, stores: Stores, thresholds: Thresholds) -> HistorySummary:
    ledger = Ledger.of(plan.run_id, plan.countries, plan.files, merged.totals, plan.reading.time_zone)
    model = _model_of(plan, plan.version, plan.definitions, merged.counts, ledger)
    check(model.modes, merged.totals, _baseline(stores.catalog), thresholds)
    model = _write(stores.lake, merged.counts, ledger, model)
    summary = _summary(plan, merged, None, model.version)
    stays = stores.catalog.publish(model, summary)
    return superseded(summary, stays) if stays else summary


def _publish_addition(plan: HistoryPlan, addition: Merged, stores: Stores, thresholds: Thresholds) -> HistorySummary:
    """Add new counts to those of the served model; try again if another run replaced that meanwhile."""
    for _ in attempts():
        base = served_base(stores.catalog)
        ledger = read_ledger(stores.lake, base.served.counts)
        _check_source(plan, ledger)
        if ledger.identities.issuperset(file.identity for file in plan.files):
            return _summary_of_nothing_new(plan, addition, base)
        extended, counts, model = _extended(base, ledger, plan, addition, stores.lake)
        check(model.modes, addition.totals, _baseline(stores.catalog), thresholds)
        model = _write(stores.lake, counts, extended, model)
        summary = _summary(plan, addition, base.served.counts.run_id, model.version)
        if not stores.catalog.replace(base, model, summary):
            return summary
    raise contended("append")


def _check_source(plan: HistoryPlan, ledger: Ledger) -> None:
    """Check that the served counts still include the skipped objects: another model may be served since the plan."""
    if plan.known_files:
        raise NoLongerCounted(
            f"an older version planned this run, and did not record the {plan.known_files} objects of"
            f" {plan.source} that were counted before: nothing is published; start the append again"
        )
    missing = [file for file in plan.known if file.identity not in ledger.identities]
    if missing:
        raise NoLongerCounted(
            f"{len(missing)} of the {len(plan.known) + len(plan.files)} objects of {plan.source} were counted when this"
            f" run was planned, but are not in the counts of the served model (the first: {missing[0].source}): nothing"
            " is published; start the append again, it will count them"
        )


def _extended(
    base: Base, ledger: Ledger, plan: HistoryPlan, addition: Merged, lake: Lake
) -> tuple[Ledger, Counts, Model]:
    """Return the ledger, the counts and the model that result from adding the new counts to the base."""
    check_countries(ledger, plan.countries)
    check_time_zone(ledger, plan.reading.time_zone)
    base_run_id = base.served.counts.run_id
    extended = ledger.extended(base_run_id, plan.run_id, plan.files, addition.totals)
    counts = Counts.sum([read_counts(lake, base_run_id, ledger), addition.counts])
    # The base may come from a run that started later; this model is newer nevertheless.
    version = version_after(base.pointer.newest_version, plan.version)
    return extended, counts, _model_of(plan, version, base.served.definitions, counts, extended)


def _model_of(
    plan: HistoryPlan, version: str, definitions: SegmentDefinitions, counts: Counts, ledger: Ledger
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
    )
    return make_model(described, counts)


def _write(lake: Lake, counts: Counts, ledger: Ledger, model: Model) -> Model:
    """Write the counts, their ledger and the modes; return the model with the record of its ledger."""
    keys = RunKeys(model.run_id)
    ledger = ledger.model_copy(update={"counts": lake.write_counts(keys.merged_counts, counts)})
    lake.write_table(keys.modes, modes_table(model.modes))
    return replace(model, counts=model.counts._replace(ledger=lake.write_json(keys.ledger, ledger)))


def _summary(plan: HistoryPlan, merged: Merged, base_run_id: str | None, version: str) -> HistorySummary:
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
        shards=plan.shards,
        rows=merged.totals,
        striking_dates=merged.striking_dates,
        base_run_id=base_run_id,
        version=version,
        published=True,
        served_version=version,
    )


def _summary_of_nothing_new(plan: HistoryPlan, addition: Merged, base: Base) -> HistorySummary:
    """Return the summary of an append whose objects were all counted before."""
    summary = _summary(plan, addition, base.served.counts.run_id, base.version)
    return summary.model_copy(update={"outcome": Outcome.NOTHING_NEW, "published": False})


def _check_kept(plan: HistoryPlan, totals: Totals) -> None:
    if totals.kept:
        return
    countries = ", ".join(plan.countries)
    if totals.other_country == totals.rows_read:
        raise NothingKept(f"expected rows of {countries}, got none among the {totals.rows_read} rows of {plan.source}")
    rejected = ", ".join(f"{count} {rule}" for rule, count in totals.rejected.items() if count)
    raise NothingKept(f"cleaning rejected every row of {countries} in {plan.source}: {rejected}")
