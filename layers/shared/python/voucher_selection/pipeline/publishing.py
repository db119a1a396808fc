"""Model, of a run over a history: make a model from what its shards counted, and publish it."""

import random
import time
from dataclasses import asdict
from datetime import UTC, datetime

import pyarrow as pa

from voucher_selection.adapters.catalog import Base, Catalog, Publication
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import CatalogContended, NoModel, NothingKept
from voucher_selection.domain.gate import NOTHING_SERVED, Served, Thresholds, check
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.retention import Retention
from voucher_selection.domain.runs import Counted, Outcome, RunPlan, RunSummary, Totals, version_after
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.served_model import SegmentMode, ServedModel
from voucher_selection.pipeline.base_counts import check_countries, read_ledger, served_base
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
# How often a run builds anew on a model that was replaced meanwhile; each time another run has published.
ATTEMPTS = 12
NO_LIMITS = Thresholds()
_LONGEST_PAUSE = 0.5  # seconds, before the next attempt


def publish_run(
    run_id: str, lake: Lake, catalog: Catalog, retention: Retention, thresholds: Thresholds = NO_LIMITS
) -> RunSummary:
    """Make the model of a run whose shards are clean, write it to `production/`, publish it, and sum the run up.

    The model of a full run is made from its own counts, that of an append from these and the counts behind the model
    that is served when it is published.

    Raises
    ------
    ShardsIncomplete
        A shard has no result, or results that do not add up.
    NothingKept
        No row of the run's countries was kept.
    HeldBack
        The model does not keep to the thresholds; nothing is written.
    OtherCountries, AlreadyCounted, CatalogContended
        An append cannot be added to the counts that are served now.
    """
    plan = lake.read_json(RunKeys(run_id).plan, RunPlan)
    merged = merge_shards(lake, plan)
    if plan.files:
        _check_kept(plan, merged.totals)
    if plan.mode == "append":
        summary = _publish_addition(plan, merged, lake, catalog, retention, thresholds)
    else:
        summary = _publish_whole(plan, merged, lake, catalog, retention, thresholds)
    lake.write_json(RunKeys(run_id).summary, summary)
    return summary


def make_model(
    version: str, run_id: str, plan: RunPlan, definitions: SegmentDefinitions, counts: Counts
) -> ServedModel:
    """Return the model of counts for the plan's countries and date."""
    return ServedModel(
        version=version,
        run_id=run_id,
        cur_date=plan.cur_date,
        published_at=datetime.now(UTC),
        countries=plan.countries,
        definitions=definitions,
        modes=segment_modes(counts, definitions, plan.cur_date, plan.countries),
    )


def pause() -> None:
    """Wait a moment before the next attempt, each run another, so that two do not meet again."""
    time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - nothing secret


def modes_table(modes: tuple[SegmentMode, ...]) -> pa.Table:
    """Return the modes as the table in `production/`: a row per segment with its assignments, the mode's first."""
    rows = [
        {name: getattr(mode, name) for name in _MODES_SCHEMA.names if name != "assignments"}
        | {"assignments": [asdict(assignment) for assignment in mode.assignments]}
        for mode in modes
    ]
    return pa.Table.from_pylist(rows, schema=_MODES_SCHEMA)


def served_now(catalog: Catalog) -> Served:
    """Return what a model that is to be published is compared with."""
    try:
        version = catalog.version(catalog.served_version())
        return Served(catalog.read(version.version).modes, version.counted.rows)
    except NoModel:
        return NOTHING_SERVED


def _publish_whole(
    plan: RunPlan, merged: Merged, lake: Lake, catalog: Catalog, retention: Retention, thresholds: Thresholds
) -> RunSummary:
    model = make_model(plan.version, plan.run_id, plan, plan.definitions, merged.counts)
    check(model.modes, merged.totals, served_now(catalog), thresholds)
    ledger = Ledger.of(plan.run_id, plan.countries, plan.files, merged.totals)
    _write(lake, plan.run_id, merged.counts, ledger, model)
    publication = catalog.publish(model, Counted(plan.run_id, ledger.rows), retention, model.published_at)
    return _summary(plan, merged.totals, None, model.version, publication)


def _publish_addition(
    plan: RunPlan, addition: Merged, lake: Lake, catalog: Catalog, retention: Retention, thresholds: Thresholds
) -> RunSummary:
    """Add what was counted to the counts behind the served model, and again if that was replaced meanwhile."""
    for _ in range(ATTEMPTS):
        base = served_base(catalog)
        ledger = read_ledger(lake, base.counted.run_id)
        if ledger.identities.issuperset(file.identity for file in plan.files):
            return _summary_of_nothing_new(plan, addition.totals, base, ledger)
        extended, counts, model = _extended(base, ledger, plan, addition, lake)
        check(model.modes, addition.totals, served_now(catalog), thresholds)
        _write(lake, plan.run_id, counts, extended, model)
        counted = Counted(plan.run_id, extended.rows)
        publication = catalog.replace(base, model, counted, retention, model.published_at)
        if publication.published:
            return _summary(plan, addition.totals, base.counted.run_id, publication.served_version, publication)
        pause()
    raise CatalogContended(
        f"the served model was replaced {ATTEMPTS} times while this run was added to it: start the append again"
    )


def _extended(
    base: Base, ledger: Ledger, plan: RunPlan, addition: Merged, lake: Lake
) -> tuple[Ledger, Counts, ServedModel]:
    """Return the ledger, the counts and the model of the base with what was counted added to it."""
    check_countries(ledger, plan.countries)
    base_run_id = base.counted.run_id
    extended = ledger.extended(base_run_id, plan.run_id, plan.files, addition.totals)
    counts = Counts.sum([lake.read_counts(RunKeys(base_run_id).merged_counts), addition.counts])
    # What it builds on may be of a run that started later; its model is newer all the same.
    version = version_after(base.newest_version, plan.version)
    return extended, counts, make_model(version, plan.run_id, plan, base.definitions, counts)


def _write(lake: Lake, run_id: str, counts: Counts, ledger: Ledger, model: ServedModel) -> None:
    keys = RunKeys(run_id)
    lake.write_counts(keys.merged_counts, counts)
    lake.write_table(keys.modes, modes_table(model.modes))
    lake.write_json(keys.ledger, ledger)


def _summary(
    plan: RunPlan, totals: Totals, base_run_id: str | None, version: str, publication: Publication
) -> RunSummary:
    outcome = Outcome.PUBLISHED if publication.published else Outcome.SUPERSEDED
    return _summary_with(outcome, plan, totals, base_run_id, version, publication.served_version)


def _summary_of_nothing_new(plan: RunPlan, totals: Totals, base: Base, ledger: Ledger) -> RunSummary:
    """Sum up a run whose objects are all counted already: by others, or by itself if Model is repeated."""
    own = any(entry.run_id == plan.run_id for entry in ledger.entries)
    outcome = Outcome.PUBLISHED if own else Outcome.NOTHING_NEW
    base_run_id = ledger.base_run_id if base.counted.run_id == plan.run_id else base.counted.run_id
    return _summary_with(outcome, plan, totals, base_run_id, base.version, base.version)


def _summary_with(
    outcome: Outcome, plan: RunPlan, totals: Totals, base_run_id: str | None, version: str, served_version: str
) -> RunSummary:
    return RunSummary(
        run_id=plan.run_id,
        mode=plan.mode,
        outcome=outcome,
        source=plan.source,
        countries=plan.countries,
        cur_date=plan.cur_date,
        started_at=plan.started_at,
        finished_at=datetime.now(UTC),
        files=len(plan.files),
        known_files=plan.known_files,
        left_out=plan.left_out,
        shards=plan.shards,
        rows=totals,
        base_run_id=base_run_id,
        version=version,
        published=outcome is Outcome.PUBLISHED,
        served_version=served_version,
    )


def _check_kept(plan: RunPlan, totals: Totals) -> None:
    if totals.kept:
        return
    countries = ", ".join(plan.countries)
    if totals.other_country == totals.rows_read:
        raise NothingKept(f"none of the {totals.rows_read} rows of {plan.source} is of {countries}")
    rejected = ", ".join(f"{count} {rule}" for rule, count in totals.rejected.items() if count)
    raise NothingKept(f"cleaning rejected every row of {countries} in {plan.source}: {rejected}")
