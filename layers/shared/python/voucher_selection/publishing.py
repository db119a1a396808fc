"""Model: merge the shards' counts, check them, make the modes, and publish them."""

from dataclasses import asdict
from datetime import UTC, datetime

import pyarrow as pa

from voucher_selection.catalog import Catalog
from voucher_selection.counts import Counts
from voucher_selection.errors import NothingKept, ShardsIncomplete
from voucher_selection.lake import Lake, RunKeys, in_parallel
from voucher_selection.modes import segment_modes
from voucher_selection.runs import RunPlan, RunSummary, Shard, ShardFailure, ShardTotals, Totals
from voucher_selection.served_model import SegmentMode, ServedModel

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
# An execution's cause is cut at 32 KiB; the first failures say what is wrong.
_NAMED_SHARDS = 5


def publish_run(run_id: str, lake: Lake, catalog: Catalog, kept_versions: int) -> RunSummary:
    """Make the model of a run whose shards are clean, write it to `production/`, publish it, and sum the run up.

    Raises
    ------
    ShardsIncomplete
        A shard has no result, or results that do not add up.
    NothingKept
        No row of the run's countries was kept.
    """
    keys = RunKeys(run_id)
    plan = lake.read_json(keys.plan, RunPlan)
    shards = lake.read_json(keys.manifest, list[Shard])
    totals = _merge_totals(lake, keys, shards)
    _check_kept(plan, totals)
    counts = Counts.sum(in_parallel(lambda shard: lake.read_counts(keys.counts(shard.number)), shards))
    now = datetime.now(UTC)
    model = ServedModel(
        version=plan.version,
        run_id=run_id,
        cur_date=plan.cur_date,
        published_at=now,
        countries=plan.countries,
        definitions=plan.definitions,
        modes=segment_modes(counts, plan.definitions, plan.cur_date, plan.countries),
    )
    lake.write_counts(keys.merged_counts, counts)
    lake.write_table(keys.modes, modes_table(model.modes))
    published, served_version = catalog.publish(model, kept_versions, now)
    summary = RunSummary(
        run_id=run_id,
        source=plan.source,
        countries=plan.countries,
        cur_date=plan.cur_date,
        started_at=plan.started_at,
        finished_at=datetime.now(UTC),
        shards=plan.shards,
        rows=totals,
        version=model.version,
        published=published,
        served_version=served_version,
    )
    lake.write_json(keys.summary, summary)
    return summary


def modes_table(modes: tuple[SegmentMode, ...]) -> pa.Table:
    """Return the modes as the table in `production/`: a row per segment with its assignments, the mode's first."""
    rows = [
        {name: getattr(mode, name) for name in _MODES_SCHEMA.names if name != "assignments"}
        | {"assignments": [asdict(assignment) for assignment in mode.assignments]}
        for mode in modes
    ]
    return pa.Table.from_pylist(rows, schema=_MODES_SCHEMA)


def _merge_totals(lake: Lake, keys: RunKeys, shards: list[Shard]) -> Totals:
    found = in_parallel(lambda shard: lake.read_json_if_there(keys.totals(shard.number), ShardTotals), shards)
    missing = [shard for shard, totals in zip(shards, found, strict=True) if totals is None]
    if missing:
        raise ShardsIncomplete(_why_missing(lake, keys, missing, len(shards)))
    complete = [totals for totals in found if totals is not None]
    for shard, totals in zip(shards, complete, strict=True):
        if totals.shard != shard.number or totals.rows_read != shard.rows or not totals.add_up:
            raise ShardsIncomplete(f"shard {shard.number} has {shard.rows} rows, its result accounts for {totals!r}")
    return Totals.sum(complete)


def _why_missing(lake: Lake, keys: RunKeys, missing: list[Shard], expected: int) -> str:
    recorded = in_parallel(
        lambda key: lake.read_json(key, ShardFailure), list(lake.list(keys.failures))[:_NAMED_SHARDS]
    )
    reasons = [f"shard {failure.shard}: {failure.error}: {failure.message}" for failure in recorded]
    numbers = ", ".join(str(shard.number) for shard in missing[:_NAMED_SHARDS])
    more = "" if len(missing) <= _NAMED_SHARDS else " and more"
    return f"{len(missing)} of {expected} shards have no result (shard {numbers}{more}). " + " ".join(reasons)


def _check_kept(plan: RunPlan, totals: Totals) -> None:
    if totals.kept:
        return
    countries = ", ".join(plan.countries)
    if totals.other_country == totals.rows_read:
        raise NothingKept(f"none of the {totals.rows_read} rows of {plan.source} is of {countries}")
    rejected = ", ".join(f"{count} {rule.value}" for rule, count in totals.rejected.items() if count)
    raise NothingKept(f"cleaning rejected every row of {countries} in {plan.source}: {rejected}")
