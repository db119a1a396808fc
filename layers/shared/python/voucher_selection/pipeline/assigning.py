"""Assign: stream the customers of one shard into a parquet file of their amounts; and sum up the shards of a run."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.disk import named_full_disk
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.observability import logger
from voucher_selection.adapters.parquet.columns import RowGroups, read_columns
from voucher_selection.adapters.parquet.fetching import fetched_ahead
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.domain.assignment_costs import AssignmentCost, Given, GivenCustomers
from voucher_selection.domain.customers import CUSTOMER_COLUMN_NAMES
from voucher_selection.domain.errors import NoModel, UnreadableItem
from voucher_selection.domain.fallbacks import Fallback
from voucher_selection.domain.plans import AssignPlan, Shard, ShardPart
from voucher_selection.domain.requests import AssignRequest
from voucher_selection.domain.runs import Run
from voucher_selection.domain.summaries import AssignSummary
from voucher_selection.domain.totals import AssignTotals, ShardAssigned
from voucher_selection.pipeline.assignments import assign, output_schema
from voucher_selection.pipeline.batches import read_ahead, read_parts
from voucher_selection.pipeline.merging import check_objects, checked_results

_ID_TYPES = {"integer": pa.int64(), "text": pa.string()}


def assign_shard(run_id: str, shard: Shard, stores: Stores, batch_rows: int) -> ShardAssigned:
    """Write the amounts of a shard's customers, in the order of the customers. A repetition writes the same objects.

    `batch_rows` and the errors are those of `clean_shard`; also `NoModel` if the version in the run's plan has expired.
    """
    keys = RunKeys(run_id)
    plan = stores.lake.read_json(keys.plan, AssignPlan)
    model = stores.catalog.read(plan.version)
    ids, least_support = _ID_TYPES[plan.customer_ids], Fallback(plan.fallback, plan.least_support).least
    totals, given = AssignTotals(), Counter[Given]()
    with named_full_disk(shard.number), TemporaryDirectory(prefix="assign-") as folder:
        file = Path(folder) / "vouchers.parquet"
        with pq.ParquetWriter(file, output_schema(ids), compression="zstd") as writer:
            for rows in read_ahead(_batches(stores.lake, shard, batch_rows)):
                answers = assign(rows, model, plan.segment_name, ids, least_support)
                writer.write_batch(answers)
                totals = AssignTotals.sum([totals, _totals_of(answers)])
                given.update(_given(answers))
        vouchers = stores.lake.upload(keys.vouchers(shard.number), file)
    shard_totals = ShardAssigned(
        shard=shard.number, **totals.model_dump(), given=GivenCustomers.of(given), vouchers=vouchers
    )
    stores.lake.write_json(keys.assigned(shard.number), shard_totals)  # last: totals mark a complete shard
    return shard_totals


def sum_up_assignment(run: Run, _request: AssignRequest, stores: Stores, _settings: ModelSettings) -> AssignSummary:
    """Check that every shard has one result, as `merge_shards` does, and write the run's summary."""
    keys, lake = RunKeys(run.run_id), stores.lake
    plan = lake.read_json(keys.plan, AssignPlan)
    found = checked_results(lake, plan, ShardAssigned, keys.all_assigned, keys.assigned)
    _check_written(lake, keys, found)
    cost = _cost(found, _country_amounts(stores.catalog, plan.version))
    if cost:
        lake.write_json(keys.cost, cost)
    summary = AssignSummary(
        run_id=run.run_id,
        customers=plan.source,
        segment_name=plan.segment_name,
        fallback=plan.fallback,
        least_support=plan.least_support,
        started_at=plan.started_at,
        finished_at=datetime.now(UTC),
        files=len(plan.files),
        left_out=plan.left_out,
        shards=plan.shards,
        **AssignTotals.sum(found).model_dump(),
        version=plan.version,
        output=f"s3://{lake.bucket}/{keys.all_vouchers}",
        cost=cost and cost.shortened(),
        cost_key=keys.cost if cost else None,
    )
    lake.write_json(keys.summary, summary)
    return summary


def _check_written(lake: Lake, keys: RunKeys, shards: list[ShardAssigned]) -> None:
    expected = {keys.vouchers(shard.shard): shard.vouchers for shard in shards if shard.vouchers}
    if len(expected) == len(shards):  # else an older version wrote some, without this record
        check_objects(lake.listed(keys.all_vouchers), expected)


def _cost(shards: list[ShardAssigned], country_amounts: Mapping[str, float]) -> AssignmentCost | None:
    """Return the cost of the run; None if an older version processed a shard, and did not count what it gave."""
    parts: list[GivenCustomers] = []
    for shard in shards:
        if shard.given is None:
            return None
        parts.extend(shard.given)
    return AssignmentCost.of(parts, country_amounts)


def _country_amounts(catalog: Catalog, version: str) -> Mapping[str, float]:
    """Return the one amount of each country of the model; none if the version has expired since the shards used it."""
    try:
        modes = catalog.read(version).country_modes
    except (NoModel, UnreadableItem) as error:
        logger.warning("the cost lacks the countries' amounts: the model cannot be read", reason=str(error))
        return {}
    return {mode.country_code: mode.voucher_amount for mode in modes if mode.voucher_amount is not None}


def _batches(lake: Lake, shard: Shard, batch_rows: int) -> Iterator[pa.RecordBatch]:
    def read(part: ShardPart) -> Iterator[pa.RecordBatch]:
        opener = partial(lake.open, part.key, part.etag, part.size, part.source)
        metadata = pq.read_metadata(opener())
        given = {*metadata.schema.to_arrow_schema().names, *part.path_values}
        columns = [name for name in CUSTOMER_COLUMN_NAMES if name in given]
        repeated = [name for name in columns if name != "customer_id"]
        row_groups = RowGroups.of(part)
        with fetched_ahead(opener, metadata, row_groups, columns) as opened:
            yield from read_columns(opened, metadata, row_groups, batch_rows, columns, repeated)

    return (rows for _, rows in read_parts(shard, read))


def _totals_of(answers: pa.RecordBatch) -> AssignTotals:
    counted = Counter({found["values"]: found["counts"] for found in answers["problem"].value_counts().to_pylist()})
    assigned = counted.pop(None, 0)
    return AssignTotals(rows=answers.num_rows, assigned=assigned, problems=dict(counted))


def _given(answers: pa.RecordBatch) -> dict[Given, int]:
    """Return how many customers got each amount, by what it rests on."""
    keys = list(Given._fields)
    counted = pa.table(answers).group_by(keys).aggregate([([], "count_all")]).to_pylist()
    return {Given(*map(row.get, keys)): row["count_all"] for row in counted if row["basis"]}
