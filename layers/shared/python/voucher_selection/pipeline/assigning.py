"""Assign: stream the customers of one shard into a file of their amounts; and sum up the shards of a run."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.disk import named_full_disk
from voucher_selection.adapters.lake import Lake, Listed
from voucher_selection.adapters.observability import logger
from voucher_selection.adapters.parquet.columns import RowGroups, read_columns
from voucher_selection.adapters.parquet.fetching import fetched_ahead
from voucher_selection.adapters.run_keys import RunKeys, beginning_of_group
from voucher_selection.adapters.settings import ModelSettings
from voucher_selection.adapters.stores import Stores
from voucher_selection.domain.assignment_costs import AssignmentCost, Given, GivenCustomers
from voucher_selection.domain.customers import CUSTOMER_COLUMN_NAMES
from voucher_selection.domain.errors import NoModel, UnreadableItem
from voucher_selection.domain.fallbacks import Fallback
from voucher_selection.domain.plans import AssignPlan, Shard, ShardPart
from voucher_selection.domain.requests import AssignRequest
from voucher_selection.domain.runs import Run
from voucher_selection.domain.shard_groups import ShardGroup
from voucher_selection.domain.summaries import AssignSummary
from voucher_selection.domain.totals import Assigned, AssignTotals, GroupAssigned, ShardAssigned
from voucher_selection.domain.voucher_manifest import FileColumn, VoucherManifest, WrittenFile
from voucher_selection.pipeline.assignments import assign, output_schema
from voucher_selection.pipeline.batches import read_ahead, read_parts
from voucher_selection.pipeline.shard_results import (
    check_no_others,
    check_objects,
    group_results,
    groups_of,
    shard_results,
)
from voucher_selection.pipeline.voucher_files import FILES, upload

type _Files = tuple[WrittenFile, ...] | None
"""The files of a run or a group of shards; None if an older version wrote some, and did not name them."""
_ID_TYPES = {"integer": pa.int64(), "text": pa.string()}


def assign_shard(run_id: str, shard: Shard, stores: Stores, batch_rows: int) -> ShardAssigned:
    """Write the amounts of a shard's customers, in the order of the customers. A repetition writes the same objects.

    `batch_rows` and the errors are those of `clean_shard`; also `NoModel` if the version in the run's plan has expired.
    """
    keys = RunKeys(run_id, shard.shards_per_group)
    plan = stores.lake.read_json(keys.plan, AssignPlan)
    model = stores.catalog.read(plan.version)
    ids, least_support = _ID_TYPES[plan.customer_ids], Fallback(plan.fallback, plan.least_support).least
    totals, given = AssignTotals(), Counter[Given]()
    files = FILES[plan.format]
    with named_full_disk(shard.number), TemporaryDirectory(prefix="assign-") as folder:
        file = Path(folder) / "vouchers"
        with files.writer(file, output_schema(ids)) as writer:
            for rows in read_ahead(_batches(stores.lake, shard, batch_rows)):
                answers = assign(rows, model, plan.segment_name, ids, least_support)
                writer.write_batch(answers)
                totals = AssignTotals.sum([totals, _totals_of(answers)])
                given.update(_given(answers))
        vouchers = upload(stores.lake, files.key(keys, shard.number), file, totals.rows)
    shard_totals = ShardAssigned(
        shard=shard.number,
        format=plan.format,
        **totals.model_dump(),
        given=GivenCustomers.of(given),
        vouchers=vouchers,
    )
    stores.lake.write_json(keys.assigned(shard.number), shard_totals)  # last: totals mark a complete shard
    return shard_totals


def sum_up_assignment(run: Run, _request: AssignRequest, stores: Stores, _settings: ModelSettings) -> AssignSummary:
    """Check that every shard has one result, as `merge_shards` does, and write the manifest and the run's summary."""
    lake = stores.lake
    plan = lake.read_json(RunKeys(run.run_id).plan, AssignPlan)
    keys = RunKeys(run.run_id, plan.shards_per_group)
    assigned, files = _sum_of_run(lake, keys, groups_of(lake, plan))
    cost = _cost(assigned, _country_amounts(stores.catalog, plan.version))
    if cost:
        lake.write_json(keys.cost, cost)
    if files is not None:
        lake.write_json(keys.voucher_manifest, _manifest(plan, lake.bucket, assigned.rows, files))
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
        texts=plan.texts,
        shards=plan.shards,
        **assigned.model_dump(exclude={"given"}),
        version=plan.version,
        output=f"s3://{lake.bucket}/{FILES[plan.format].folder(keys)}",
        format=plan.format,
        manifest_key=None if files is None else keys.voucher_manifest,
        cost=cost and cost.shortened(),
        cost_key=keys.cost if cost else None,
    )
    lake.write_json(keys.summary, summary)
    return summary


def merge_assigned_group(lake: Lake, run_id: str, group: ShardGroup) -> None:
    """Add up the results of a group's shards of customers and write the sum. A repetition writes the same object."""
    keys = RunKeys(run_id, group.shards_per_group)
    assigned, files = _sum_of_shards(lake, keys, group)
    merged = GroupAssigned(group=group.number, **assigned.model_dump(), files=files)
    lake.write_json(keys.merged(group.number), merged)


def _sum_of_run(lake: Lake, keys: RunKeys, groups: Sequence[ShardGroup]) -> tuple[Assigned, _Files]:
    if len(groups) == 1:
        return _sum_of_shards(lake, keys, groups[0])
    found = group_results(lake, keys, groups, GroupAssigned, keys.all_assigned, keys.assigned)
    for folder in (keys.all_assigned, *(files.folder(keys) for files in FILES.values())):
        check_no_others(lake, folder, [beginning_of_group(keys, folder, group.number) for group in groups])
    files = [file for group in found for file in group.files or ()]
    return Assigned.of(found), None if any(group.files is None for group in found) else tuple(files)


def _sum_of_shards(lake: Lake, keys: RunKeys, group: ShardGroup) -> tuple[Assigned, _Files]:
    shards = shard_results(lake, keys, group, ShardAssigned, keys.all_assigned, keys.assigned)
    written = {FILES[shard.format].key(keys, shard.shard): shard.vouchers for shard in shards if shard.vouchers}
    if len(written) < len(shards):  # an older version wrote some, without this record
        return Assigned.of(shards), None
    found: dict[str, Listed] = {}
    for files in FILES.values():
        found |= lake.listed(beginning_of_group(keys, files.folder(keys), group.number))
    check_objects(found, written)
    return Assigned.of(shards), tuple(
        WrittenFile(key=key, rows=stored.rows, bytes=stored.size, etag=stored.etag, sha256=stored.sha256)
        for key, stored in written.items()
    )


def _manifest(plan: AssignPlan, bucket: str, rows: int, files: Sequence[WrittenFile]) -> VoucherManifest:
    columns = output_schema(_ID_TYPES[plan.customer_ids])
    return VoucherManifest(
        run_id=plan.run_id,
        version=plan.version,
        customers=plan.source,
        format=plan.format,
        bucket=bucket,
        rows=rows,
        columns=tuple(FileColumn(name=column.name, type=str(column.type)) for column in columns),
        files=tuple(files),
    )


def _cost(assigned: Assigned, country_amounts: Mapping[str, float]) -> AssignmentCost | None:
    """Return the cost of the run; None if an older version processed a shard, and did not count what it gave."""
    return None if assigned.given is None else AssignmentCost.of(assigned.given, country_amounts)


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
