"""Model, of a run over a history: make a model from what its shards counted, and publish it."""

from dataclasses import asdict
from datetime import UTC, date, datetime

import pyarrow as pa

from voucher_selection.adapters.catalog import Base, Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.observability import logger
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.servable import check_segments, check_servable
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import NoLongerCounted, NoModel, NothingKept, UnreadableItem
from voucher_selection.domain.gate import NOTHING_SERVED, Served, Thresholds, check
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.model import Model, SegmentMode
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.retention import Retention
from voucher_selection.domain.runs import (
    CountsOrigin,
    Outcome,
    PointerSummary,
    RunPlan,
    RunSummary,
    Totals,
    version_after,
)
from voucher_selection.domain.segments import SegmentDefinitions
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
NO_LIMITS = Thresholds()


def publish_run(
    run_id: str, lake: Lake, catalog: Catalog, retention: Retention, thresholds: Thresholds = NO_LIMITS
) -> PointerSummary:
    """Make the model of a run whose shards are clean, write it to `production/`, publish it, and sum the run up.

    The model of a full run is made from its own counts, that of an append from these and the counts behind the model
    that is served when it is published. Of a run that has published already, nothing is made again.

    Raises
    ------
    ShardsIncomplete
        A shard has no result, or results that do not add up.
    ObjectAltered, ObjectMissing
        An object of the run, or of the counts that it is added to, is not as it was left.
    TooManyAmounts, ModelTooLarge, AmountOutOfRange
        The model could not be served; nothing is written.
    NothingKept
        No row of the run's countries was kept.
    HeldBack
        The model does not keep to the thresholds; nothing is written.
    OtherCountries, OtherTimeZone, AlreadyCounted, NoLongerCounted, CatalogContended
        An append cannot be added to the counts that are served now.
    """
    summary = catalog.moved_by(run_id) or _publish(run_id, lake, catalog, thresholds)
    record(summary, lake)
    expire(catalog, retention)
    return summary


def make_model(
    version: str,
    run_id: str,
    counts: Counts,
    *,
    definitions: SegmentDefinitions,
    countries: tuple[str, ...],
    cur_date: date,
    time_zone: str,
) -> Model:
    """Return the model of counts.

    Raises
    ------
    TooManyAmounts, ModelTooLarge, AmountOutOfRange
        It could not be served.
    """
    check_segments(countries, definitions)
    model = Model(
        version=version,
        run_id=run_id,
        cur_date=cur_date,
        published_at=datetime.now(UTC),
        countries=countries,
        definitions=definitions,
        modes=segment_modes(counts, definitions, cur_date, countries),
        time_zone=time_zone,
    )
    check_servable(model)
    return model


def modes_table(modes: tuple[SegmentMode, ...]) -> pa.Table:
    """Return the modes as the table in `production/`: a row per segment with its assignments, the mode's first."""
    rows = [
        {name: getattr(mode, name) for name in _MODES_SCHEMA.names if name != "assignments"}
        | {"assignments": [asdict(assignment) for assignment in mode.assignments]}
        for mode in modes
    ]
    return pa.Table.from_pylist(rows, schema=_MODES_SCHEMA)


def served_now(catalog: Catalog) -> Served:
    """Return what a model that is to be published is compared with; nothing, where what is served cannot be read."""
    try:
        base = catalog.base()
        return Served(catalog.read(base.version).modes, base.served.counted.rows)
    except NoModel:
        return NOTHING_SERVED
    except UnreadableItem as error:
        logger.error("the served model cannot be compared with", reason=str(error))
        return NOTHING_SERVED


def _publish(run_id: str, lake: Lake, catalog: Catalog, thresholds: Thresholds) -> RunSummary:
    plan = lake.read_json(RunKeys(run_id).plan, RunPlan)
    merged = merge_shards(lake, plan)
    if plan.files:
        _check_kept(plan, merged.totals)
    publish = _publish_addition if plan.mode == "append" else _publish_whole
    return publish(plan, merged, lake, catalog, thresholds)


def _publish_whole(plan: RunPlan, merged: Merged, lake: Lake, catalog: Catalog, thresholds: Thresholds) -> RunSummary:
    model = _model_of(plan, plan.version, plan.definitions, merged.counts)
    check(model.modes, merged.totals, served_now(catalog), thresholds)
    ledger = Ledger.of(plan.run_id, plan.countries, plan.files, merged.totals, plan.reading.time_zone)
    counted = _write(lake, plan.run_id, merged.counts, ledger, model)
    summary = _summary(plan, merged, None, model.version)
    stays = catalog.publish(model, counted, summary)
    return superseded(summary, stays) if stays else summary


def _publish_addition(
    plan: RunPlan, addition: Merged, lake: Lake, catalog: Catalog, thresholds: Thresholds
) -> RunSummary:
    """Add what was counted to the counts behind the served model, and again if that was replaced meanwhile."""
    for _ in attempts():
        base = served_base(catalog)
        ledger = read_ledger(lake, base.served.counted)
        _check_source(plan, ledger)
        if ledger.identities.issuperset(file.identity for file in plan.files):
            return _summary_of_nothing_new(plan, addition, base)
        extended, counts, model = _extended(base, ledger, plan, addition, lake)
        check(model.modes, addition.totals, served_now(catalog), thresholds)
        counted = _write(lake, plan.run_id, counts, extended, model)
        summary = _summary(plan, addition, base.served.counted.run_id, model.version)
        if not catalog.replace(base, model, counted, summary):
            return summary
    raise contended("append")


def _check_source(plan: RunPlan, ledger: Ledger) -> None:
    """Check that what was left out as counted is counted: others may have been served since the run was planned.

    Raises
    ------
    NoLongerCounted
    """
    if plan.known_files:
        raise NoLongerCounted(
            f"this run was planned by an earlier version, which did not write down the {plan.known_files} objects of"
            f" {plan.source} that were counted before: nothing is published; start the append again"
        )
    missing = [file for file in plan.known if file.identity not in ledger.identities]
    if missing:
        raise NoLongerCounted(
            f"{len(missing)} of the {len(plan.known) + len(plan.files)} objects of {plan.source} were counted when this"
            f" run was planned, and are not in the counts that are served now (the first: {missing[0].source}): nothing"
            " is published; start the append again, it will count them"
        )


def _extended(base: Base, ledger: Ledger, plan: RunPlan, addition: Merged, lake: Lake) -> tuple[Ledger, Counts, Model]:
    """Return the ledger, the counts and the model of the base with what was counted added to it."""
    check_countries(ledger, plan.countries)
    check_time_zone(ledger, plan.reading.time_zone)
    base_run_id = base.served.counted.run_id
    extended = ledger.extended(base_run_id, plan.run_id, plan.files, addition.totals)
    counts = Counts.sum([read_counts(lake, base_run_id, ledger), addition.counts])
    # What it builds on may be of a run that started later; its model is newer all the same.
    version = version_after(base.pointer.newest_version, plan.version)
    return extended, counts, _model_of(plan, version, base.served.definitions, counts)


def _model_of(plan: RunPlan, version: str, definitions: SegmentDefinitions, counts: Counts) -> Model:
    return make_model(
        version,
        plan.run_id,
        counts,
        definitions=definitions,
        countries=plan.countries,
        cur_date=plan.cur_date,
        time_zone=plan.reading.time_zone,
    )


def _write(lake: Lake, run_id: str, counts: Counts, ledger: Ledger, model: Model) -> CountsOrigin:
    """Write what the model was made from, and return how it is known: by the ledger, which knows the counts."""
    keys = RunKeys(run_id)
    ledger = ledger.model_copy(update={"counts": lake.write_counts(keys.merged_counts, counts)})
    lake.write_table(keys.modes, modes_table(model.modes))
    return CountsOrigin(run_id, ledger.rows, lake.write_json(keys.ledger, ledger))


def _summary(plan: RunPlan, merged: Merged, base_run_id: str | None, version: str) -> RunSummary:
    """Sum up a run whose model is served."""
    return RunSummary(
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


def _summary_of_nothing_new(plan: RunPlan, addition: Merged, base: Base) -> RunSummary:
    """Sum up a run whose objects are all counted already."""
    summary = _summary(plan, addition, base.served.counted.run_id, base.version)
    return summary.model_copy(update={"outcome": Outcome.NOTHING_NEW, "published": False})


def _check_kept(plan: RunPlan, totals: Totals) -> None:
    if totals.kept:
        return
    countries = ", ".join(plan.countries)
    if totals.other_country == totals.rows_read:
        raise NothingKept(f"none of the {totals.rows_read} rows of {plan.source} is of {countries}")
    rejected = ", ".join(f"{count} {rule}" for rule, count in totals.rejected.items() if count)
    raise NothingKept(f"cleaning rejected every row of {countries} in {plan.source}: {rejected}")
