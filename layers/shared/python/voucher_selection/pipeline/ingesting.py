"""Ingest: land the source, read its footers, and plan the run."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

import pyarrow as pa

from voucher_selection.adapters.catalog import Base
from voucher_selection.adapters.lake import Lake, in_parallel
from voucher_selection.adapters.parquet.footers import FileKind, Footer, read_footer
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import IngestSettings
from voucher_selection.adapters.sources.landed_files import LandedFile
from voucher_selection.adapters.sources.landing import land
from voucher_selection.domain.assign_runs import AssignPlan
from voucher_selection.domain.customers import CUSTOMER_COLUMN_NAMES, check_customers, check_segmentation, kind_of_ids
from voucher_selection.domain.errors import EmptySource
from voucher_selection.domain.history import COLUMN_NAMES, check_schema
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.requests import AppendRequest, AssignRequest, FullRequest
from voucher_selection.domain.runs import RunPlan, Shard
from voucher_selection.domain.segments import load_definitions, shipped_definitions
from voucher_selection.domain.shards import plan_shards
from voucher_selection.domain.time_zones import day_in
from voucher_selection.pipeline.base_counts import check_countries, check_time_zone, read_ledger

HISTORY = FileKind(check_schema, COLUMN_NAMES)


def ingest(run_id: str, started_at: datetime, request: FullRequest, lake: Lake, settings: IngestSettings) -> RunPlan:
    """Land the history, check that it is one, and write the run's plan and its manifest of shards.

    Raises
    ------
    VoucherSelectionError
        `InvalidSegments`, one of landing's errors, `NotParquet`, `WrongSchema`, or `EmptySource`.
    """
    definitions = load_definitions(settings.segments) if settings.segments else shipped_definitions()
    keys = RunKeys(run_id)
    landing = land(request.source, lake, keys, settings.https_limits)
    footers = _read_footers(lake, request.source, landing.files)
    shards = _plan(footers, settings)
    plan = RunPlan(
        run_id=run_id,
        started_at=started_at,
        source=request.source,
        reading=_reading(request.countries or settings.countries, started_at, request, settings),
        cur_date=request.cur_date or settings.cur_date or day_in(started_at, settings.time_zone),
        definitions=definitions,
        files=tuple(footer.file for footer in footers),
        left_out=landing.left_out,
        shards=len(shards),
    )
    _write(lake, keys, plan, shards)
    return plan


def ingest_addition(
    run_id: str, started_at: datetime, request: AppendRequest, base: Base, lake: Lake, settings: IngestSettings
) -> RunPlan:
    """Land the objects of a source that the base's counts do not count yet, and plan a run over them.

    Where there are none, the plan has no files and no shards.

    Raises
    ------
    NoCounts
        The base has no ledger of what its counts count.
    OtherCountries
        The request names other countries than the base's counts are of.
    OtherTimeZone
        The deployment's time zone is not that of the base's counts.
    VoucherSelectionError
        As `ingest`.
    """
    ledger = read_ledger(lake, base.served.counted)
    check_countries(ledger, request.countries or ledger.countries)
    check_time_zone(ledger, settings.time_zone)
    keys = RunKeys(run_id)
    landing = land(request.source, lake, keys, settings.https_limits, ledger.identities)
    footers = _read_footers(lake, request.source, landing.files) if landing.files else []
    shards = _plan(footers, settings)
    plan = RunPlan(
        run_id=run_id,
        mode="append",
        started_at=started_at,
        source=request.source,
        reading=_reading(ledger.countries, started_at, request, settings),
        cur_date=request.cur_date or settings.cur_date or day_in(started_at, settings.time_zone),
        definitions=base.served.definitions,
        files=tuple(footer.file for footer in footers),
        known=landing.known,
        left_out=landing.left_out,
        shards=len(shards),
    )
    _write(lake, keys, plan, shards)
    return plan


def ingest_customers(
    run_id: str, started_at: datetime, request: AssignRequest, base: Base, lake: Lake, settings: IngestSettings
) -> AssignPlan:
    """Land customers' files, and plan a run that gives them amounts of the version that `base` names.

    Raises
    ------
    InvalidRequest
        The version has no such segmentation.
    VoucherSelectionError
        As `ingest`.
    """
    check_segmentation(base.served.definitions, request.segment_name)
    keys = RunKeys(run_id)
    landing = land(request.customers, lake, keys, settings.https_limits)

    def check(schema: pa.Schema, source: str, in_path: Collection[str]) -> None:
        check_customers(schema, source, base.served.definitions, request.segment_name, in_path)

    footers = _read_footers(lake, request.customers, landing.files, FileKind(check, CUSTOMER_COLUMN_NAMES))
    shards = _plan(footers, settings)
    plan = AssignPlan(
        run_id=run_id,
        started_at=started_at,
        source=request.customers,
        version=base.version,
        countries=base.served.countries,
        segment_name=request.segment_name,
        customer_ids=kind_of_ids((footer.schema for footer in footers), request.customers),
        files=tuple(footer.file for footer in footers),
        left_out=landing.left_out,
        shards=len(shards),
    )
    _write(lake, keys, plan, shards)
    return plan


def _reading(
    countries: tuple[str, ...], started_at: datetime, request: FullRequest | AppendRequest, settings: IngestSettings
) -> Reading:
    return Reading(
        countries,
        settings.time_zone,
        settings.null_dates if request.null_dates is None else request.null_dates,
        last_day=day_in(started_at, settings.time_zone) + timedelta(days=1),
    )


def _write(lake: Lake, keys: RunKeys, plan: RunPlan | AssignPlan, shards: list[Shard]) -> None:
    lake.write_json(keys.plan, plan)
    lake.write_json(keys.manifest, shards)


def _read_footers(lake: Lake, source: str, landed: list[LandedFile], kind: FileKind = HISTORY) -> list[Footer]:
    footers = in_parallel(lambda file: read_footer(lake, file, kind), landed)
    if not any(footer.file.rows for footer in footers):
        raise EmptySource(f"{source} holds no rows: {len(footers)} parquet file(s), all empty")
    return footers


def _plan(footers: Iterable[Footer], settings: IngestSettings) -> list[Shard]:
    row_groups = (row_group for footer in footers for row_group in footer.row_groups if row_group.rows)
    return plan_shards(row_groups, settings.shard_target_rows, settings.shard_target_bytes)
