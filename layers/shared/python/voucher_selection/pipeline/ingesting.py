"""Ingest: land the source, read its footers and its text files, and plan the run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple, Self

import pyarrow as pa

from voucher_selection.adapters.lake import Lake, in_parallel
from voucher_selection.adapters.parquet.footers import FileKind, Footer
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import IngestSettings
from voucher_selection.adapters.sources.landed_files import LandedFile
from voucher_selection.adapters.sources.landing import land
from voucher_selection.adapters.stores import Stores
from voucher_selection.contract.runs import INGEST, modes_through
from voucher_selection.domain.customers import CUSTOMER_COLUMN_NAMES, check_customers, check_segmentation, kind_of_ids
from voucher_selection.domain.errors import EmptySource, InvalidRequest, NoUsableFiles
from voucher_selection.domain.history import COLUMN_NAMES, check_schema
from voucher_selection.domain.plans import (
    AssignPlan,
    HistoryPlan,
    KnownFile,
    LeftOut,
    Plan,
    Shard,
    SourceFile,
    UnusableSource,
)
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.requests import AppendRequest, AssignRequest, FullRequest, HistoryRequest, RunRequest
from voucher_selection.domain.runs import Run
from voucher_selection.domain.segments import SegmentDefinitions, load_definitions, shipped_definitions
from voucher_selection.domain.shard_groups import in_groups, size_of_groups
from voucher_selection.domain.shards import plan_shards
from voucher_selection.domain.text_formats import CsvOptions, Texts
from voucher_selection.domain.time_zones import day_in
from voucher_selection.pipeline.counts_to_build_on import check_countries, check_time_zone, read_ledger, served_base
from voucher_selection.pipeline.landed_texts import SeenText, look_at_landed, read_landed_texts
from voucher_selection.pipeline.unusable_files import Trial

HISTORY = FileKind(check_schema, COLUMN_NAMES)


class _Asked(NamedTuple):
    """What a run asks for: its source, the kind of the files there, and what it says about CSV files.

    `names` are the only files of the source to read. `leave_out`: files that cannot be used do not fail the run.
    """

    source: str
    kind: FileKind
    csv: CsvOptions
    names: tuple[str, ...] | None = None
    leave_out: bool = False

    @classmethod
    def of_history(cls, request: HistoryRequest) -> Self:
        csv = request.csv or CsvOptions()
        return cls(request.source, HISTORY, csv, request.files, request.unusable == "leave_out")


class _Source(NamedTuple):
    """A landed source: its files, the files and objects that are skipped, and its shards.

    `schemas` are those of its parquet files, and `texts` what was recognised of its text files.

    `again` are the identities of files that were counted before, and `shards_again` is how many shards, the first ones,
    have their rows.
    """

    files: tuple[SourceFile, ...]
    known: tuple[KnownFile, ...]
    left_out: LeftOut
    unusable: tuple[UnusableSource, ...]
    texts: Texts
    schemas: list[pa.Schema]
    shards: list[Shard]
    shards_per_group: int | None
    again: frozenset[str]
    shards_again: int

    def facts(self, run: Run) -> dict[str, Any]:
        """Return the fields that every plan has of its run and source."""
        of_shards = {"shards": len(self.shards), "shards_per_group": self.shards_per_group}
        of_source = {"files": self.files, "left_out": self.left_out, "unusable": self.unusable, "texts": self.texts}
        return {"run_id": run.run_id, "started_at": run.started_at, **of_source, **of_shards}


type _Planned = tuple[Plan, list[Shard]]


def ingest(run: Run, request: RunRequest, stores: Stores, settings: IngestSettings) -> Plan:
    """Land the source of a run, and write the run's plan, its manifest of shards, and their groups if it has several.

    Raises
    ------
    InvalidRequest
        Runs of this kind have no source, or the request names a segmentation that the model does not have.
    NoCounts, OtherCountries, OtherTimeZone
        An append does not fit the counts of the served model.
    NoModel
        An assign run needs a model, and none is published yet.
    NoUsableFiles
        The run leaves unusable files out, and no other is left. The plan, which is written before, names them all.
    VoucherSelectionError
        `InvalidSegments`, one of landing's errors, `NotParquet`, `UnreadableText`, `TextTooLarge`, `WrongSchema`, or
        `EmptySource`.
    """
    planner = _PLANNERS.get(request.mode)
    if planner is None:
        raise InvalidRequest(f"Ingest is not part of mode {request.mode!r}")
    plan, shards = planner(run, request, stores, settings)
    keys = RunKeys(run.run_id)
    stores.lake.write_json(keys.plan, plan)
    _check_usable(plan)
    stores.lake.write_json(keys.manifest, shards)
    if plan.groups > 1:
        again = plan.shards_again if isinstance(plan, HistoryPlan) else 0
        stores.lake.write_json(keys.shard_groups, in_groups(shards, plan.shards_per_group, again))
    return plan


def _check_usable(plan: Plan) -> None:
    known = isinstance(plan, HistoryPlan) and plan.known
    if plan.unusable and not plan.files and not known:
        first = plan.unusable[0]
        raise NoUsableFiles(
            f"none of the {len(plan.unusable)} files of {plan.source} can be used; the first: {first.error}:"
            f" {first.message}"
        )


def _whole(run: Run, request: FullRequest, stores: Stores, settings: IngestSettings) -> _Planned:
    definitions = load_definitions(settings.segments) if settings.segments else shipped_definitions()
    source = _landed(run, _Asked.of_history(request), stores.lake, settings)
    return _history(run, request, source, request.countries or settings.countries, definitions, settings)


def _addition(run: Run, request: AppendRequest, stores: Stores, settings: IngestSettings) -> _Planned:
    """Plan an append: its files are the objects that the served model's counts do not include, possibly none.

    One that replaces days reads all objects of its source: a day may have rows in several of them.
    """
    served = served_base(stores.catalog).served
    ledger = read_ledger(stores.lake, served.counts)
    check_countries(ledger, request.countries or ledger.countries)
    check_time_zone(ledger, settings.time_zone)
    replaces = request.overlap == "replace"
    skipped, again = (frozenset(), ledger.identities) if replaces else (ledger.identities, frozenset())
    source = _landed(run, _Asked.of_history(request), stores.lake, settings, skipped, again)
    return _history(run, request, source, ledger.countries, served.definitions, settings)


def _history(
    run: Run,
    request: HistoryRequest,
    source: _Source,
    countries: tuple[str, ...],
    definitions: SegmentDefinitions,
    settings: IngestSettings,
) -> _Planned:
    today = day_in(run.started_at, settings.time_zone)
    null_dates = settings.null_dates if request.null_dates is None else request.null_dates
    plan = HistoryPlan(
        **source.facts(run),
        mode=request.mode,
        source=request.source,
        reading=Reading(countries, settings.time_zone, null_dates, last_day=today + timedelta(days=1)),
        cur_date=request.cur_date or settings.cur_date or today,
        definitions=definitions,
        known=source.known,
        window=request.window,
        again=source.again,
        shards_again=source.shards_again,
    )
    return plan, source.shards


def _customers(run: Run, request: AssignRequest, stores: Stores, settings: IngestSettings) -> _Planned:
    """Plan an assign run, with the version that is served now."""
    served = stores.catalog.base().served
    check_segmentation(served.definitions, request.segment_name)

    def check(schema: pa.Schema, source: str, in_path: Collection[str]) -> None:
        check_customers(schema, source, served.definitions, request.segment_name, in_path)

    fallback = settings.default_fallback.with_those_of(request.fallback, request.least_support)
    kind = FileKind(check, CUSTOMER_COLUMN_NAMES)
    asked = _Asked(request.customers, kind, request.csv or CsvOptions())
    source = _landed(run, asked, stores.lake, settings)
    plan = AssignPlan(
        **source.facts(run),
        source=request.customers,
        version=served.version,
        countries=served.countries,
        segment_name=request.segment_name,
        customer_ids=kind_of_ids(source.schemas, request.customers, with_texts=bool(source.texts.formats)),
        fallback=fallback.to,
        least_support=fallback.least_support,
        format=request.format,
    )
    return plan, source.shards


_PLANNERS: Mapping[str, Callable[[Run, Any, Stores, IngestSettings], _Planned]] = {
    "full": _whole,
    "append": _addition,
    "assign": _customers,
}
if _PLANNERS.keys() != modes_through(INGEST):
    raise TypeError("expected Ingest to plan exactly the kinds of run that the state machine sends to it")


def _landed(
    run: Run,
    asked: _Asked,
    lake: Lake,
    settings: IngestSettings,
    skipped: frozenset[str] = frozenset(),
    again: frozenset[str] = frozenset(),
) -> _Source:
    """Land the objects of a source except those to skip, and cut their rows into shards.

    Of parquet only the footers are read. CSV files and JSON lines are read whole, and written as parquet.

    `skipped` and `again` are identities of objects that were counted before; the rows of the latter get shards of their
    own, before all others.
    """
    keys = RunKeys(run.run_id)
    landing = land(asked.source, lake, keys, settings.https_limits, skipped, asked.names)
    footers, unusable = _footers(lake, keys, landing.files, asked)
    if footers and not any(footer.file.rows for footer in footers):
        raise EmptySource(f"{asked.source} holds no rows: {len(footers)} file(s), all empty")
    texts = Texts.of(
        ((footer.file.source, footer.text) for footer in footers if footer.text),
        (hint for footer in footers for hint in footer.hints),
    )
    footers.sort(key=lambda footer: footer.file.identity not in again)
    shards_again, shards = (
        plan_shards(
            (
                row_group
                for footer in footers
                for row_group in footer.row_groups
                if row_group.rows and (footer.file.identity in again) is counted
            ),
            settings.shard_target_rows,
            settings.shard_target_bytes,
        )
        for counted in (True, False)
    )
    planned = [*shards_again, *shards]
    facts = {"shards_per_group": size_of_groups(len(planned), settings.shards_per_merge)}
    return _Source(
        files=tuple(footer.file for footer in footers),
        known=landing.known,
        left_out=landing.left_out,
        unusable=unusable,
        texts=texts,
        schemas=[footer.schema for footer in footers if footer.text is None],
        shards=[shard.model_copy(update={"number": number} | facts) for number, shard in enumerate(planned)],
        **facts,
        again=again & {footer.file.identity for footer in footers},
        shards_again=len(shards_again),
    )


def _footers(
    lake: Lake, keys: RunKeys, files: Sequence[LandedFile], asked: _Asked
) -> tuple[list[Footer], tuple[UnusableSource, ...]]:
    """Return the footers of parquet files, and of those that the rows of text files are written to, in their order.

    If the run leaves out files that cannot be used, those are returned beside them.
    """
    trial = Trial(asked.leave_out)

    def look(file: LandedFile) -> Footer | SeenText | UnusableSource:
        return trial.of(file, lambda: look_at_landed(lake, file, asked.kind, asked.csv))

    looks = in_parallel(look, files)
    texts = [found for found in looks if isinstance(found, SeenText)]
    of_texts = iter(read_landed_texts(lake, keys, texts, asked.kind, asked.csv, trial))
    found = [next(of_texts) if isinstance(each, SeenText) else each for each in looks]
    footers = [each for each in found if isinstance(each, Footer)]
    return footers, tuple(each for each in found if isinstance(each, UnusableSource))
