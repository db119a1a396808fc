"""Ingest: land the source, read its footers, and plan the run."""

from collections.abc import Callable, Collection
from datetime import date, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from voucher_selection.adapters.lake import Lake, in_parallel
from voucher_selection.adapters.parquet.footers import FileKind, read_footer
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import IngestSettings
from voucher_selection.adapters.sources.landing import land
from voucher_selection.adapters.stores import Stores
from voucher_selection.domain.customers import CUSTOMER_COLUMN_NAMES, check_customers, check_segmentation, kind_of_ids
from voucher_selection.domain.errors import EmptySource, InvalidRequest
from voucher_selection.domain.history import COLUMN_NAMES, check_schema
from voucher_selection.domain.kinds import requests_through
from voucher_selection.domain.plans import AssignPlan, HistoryPlan, KnownFile, LeftOut, Plan, Shard, SourceFile
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.requests import AppendRequest, AssignRequest, FullRequest, HistoryRequest, RunRequest
from voucher_selection.domain.runs import Run
from voucher_selection.domain.segments import load_definitions, shipped_definitions
from voucher_selection.domain.shards import plan_shards
from voucher_selection.domain.time_zones import day_in
from voucher_selection.pipeline.counts_to_build_on import check_countries, check_time_zone, read_ledger, served_base

HISTORY = FileKind(check_schema, COLUMN_NAMES)


class _Source(NamedTuple):
    """A source as it was landed: its files and their schemas, what of it was not read, and its shards."""

    files: tuple[SourceFile, ...]
    known: tuple[KnownFile, ...]
    left_out: LeftOut
    schemas: list[pa.Schema]
    shards: list[Shard]


def ingest(run: Run, request: RunRequest, stores: Stores, settings: IngestSettings) -> Plan:
    """Land the source of a run, and write the run's plan and its manifest of shards.

    Raises
    ------
    InvalidRequest
        Runs of this kind have no source; or they name a segmentation that the model does not have.
    NoCounts, OtherCountries, OtherTimeZone
        An append does not fit the counts behind the served model.
    NoModel
        Customers were to get amounts, and no model is published yet.
    VoucherSelectionError
        `InvalidSegments`, one of landing's errors, `NotParquet`, `WrongSchema`, or `EmptySource`.
    """
    planner = _PLANNERS.get(type(request))
    if planner is None:
        raise InvalidRequest(f"Ingest is not part of mode {request.mode!r}")
    plan, shards = planner(run, request, stores, settings)
    keys = RunKeys(run.run_id)
    stores.lake.write_json(keys.plan, plan)
    stores.lake.write_json(keys.manifest, shards)
    return plan


def _planned_whole(
    run: Run, request: FullRequest, stores: Stores, settings: IngestSettings
) -> tuple[HistoryPlan, list[Shard]]:
    definitions = load_definitions(settings.segments) if settings.segments else shipped_definitions()
    source = _landed(run, request.source, HISTORY, stores.lake, settings)
    plan = HistoryPlan(
        run_id=run.run_id,
        started_at=run.started_at,
        source=request.source,
        reading=_reading(request.countries or settings.countries, run, request, settings),
        cur_date=_cur_date(run, request, settings),
        definitions=definitions,
        files=source.files,
        left_out=source.left_out,
        shards=len(source.shards),
    )
    return plan, source.shards


def _planned_addition(
    run: Run, request: AppendRequest, stores: Stores, settings: IngestSettings
) -> tuple[HistoryPlan, list[Shard]]:
    """Plan a run over the objects that the served model's counts do not count; without any, it has no files."""
    served = served_base(stores.catalog).served
    ledger = read_ledger(stores.lake, served.counts)
    check_countries(ledger, request.countries or ledger.countries)
    check_time_zone(ledger, settings.time_zone)
    source = _landed(run, request.source, HISTORY, stores.lake, settings, ledger.identities)
    plan = HistoryPlan(
        run_id=run.run_id,
        mode="append",
        started_at=run.started_at,
        source=request.source,
        reading=_reading(ledger.countries, run, request, settings),
        cur_date=_cur_date(run, request, settings),
        definitions=served.definitions,
        files=source.files,
        known=source.known,
        left_out=source.left_out,
        shards=len(source.shards),
    )
    return plan, source.shards


def _planned_assignment(
    run: Run, request: AssignRequest, stores: Stores, settings: IngestSettings
) -> tuple[AssignPlan, list[Shard]]:
    """Plan a run that gives customers the amounts of the version that is served now."""
    served = stores.catalog.base().served
    check_segmentation(served.definitions, request.segment_name)

    def check(schema: pa.Schema, source: str, in_path: Collection[str]) -> None:
        check_customers(schema, source, served.definitions, request.segment_name, in_path)

    source = _landed(run, request.customers, FileKind(check, CUSTOMER_COLUMN_NAMES), stores.lake, settings)
    plan = AssignPlan(
        run_id=run.run_id,
        started_at=run.started_at,
        source=request.customers,
        version=served.version,
        countries=served.countries,
        segment_name=request.segment_name,
        customer_ids=kind_of_ids(source.schemas, request.customers),
        files=source.files,
        left_out=source.left_out,
        shards=len(source.shards),
    )
    return plan, source.shards


_PLANNERS: dict[type[RunRequest], Callable[[Run, Any, Stores, IngestSettings], tuple[Plan, list[Shard]]]] = {
    FullRequest: _planned_whole,
    AppendRequest: _planned_addition,
    AssignRequest: _planned_assignment,
}
if _PLANNERS.keys() != requests_through("Ingest"):
    raise TypeError("Ingest plans other kinds of run than the state machine sends to it")


def _landed(
    run: Run, source: str, kind: FileKind, lake: Lake, settings: IngestSettings, known: frozenset[str] = frozenset()
) -> _Source:
    """Land the objects of a source that are not `known`, read their footers, and cut their rows into shards."""
    landing = land(source, lake, RunKeys(run.run_id), settings.https_limits, known)
    footers = in_parallel(lambda file: read_footer(lake, file, kind), landing.files)
    if footers and not any(footer.file.rows for footer in footers):
        raise EmptySource(f"{source} holds no rows: {len(footers)} parquet file(s), all empty")
    row_groups = (row_group for footer in footers for row_group in footer.row_groups if row_group.rows)
    return _Source(
        files=tuple(footer.file for footer in footers),
        known=landing.known,
        left_out=landing.left_out,
        schemas=[footer.schema for footer in footers],
        shards=plan_shards(row_groups, settings.shard_target_rows, settings.shard_target_bytes),
    )


def _cur_date(run: Run, request: HistoryRequest, settings: IngestSettings) -> date:
    return request.cur_date or settings.cur_date or day_in(run.started_at, settings.time_zone)


def _reading(countries: tuple[str, ...], run: Run, request: HistoryRequest, settings: IngestSettings) -> Reading:
    return Reading(
        countries,
        settings.time_zone,
        settings.null_dates if request.null_dates is None else request.null_dates,
        last_day=day_in(run.started_at, settings.time_zone) + timedelta(days=1),
    )
