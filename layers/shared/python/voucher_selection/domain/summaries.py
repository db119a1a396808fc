"""Summaries: the `run.json` that a successful run writes, which is also the result of its execution."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field

from voucher_selection.contract.lookups import FallbackTo
from voucher_selection.domain.assigned_on import AssignedOn
from voucher_selection.domain.assignment_costs import AssignmentCost
from voucher_selection.domain.countries import Countries
from voucher_selection.domain.dates import IsoDate
from voucher_selection.domain.overlaps import CountedAgain
from voucher_selection.domain.plans import HistoryMode, LeftOut, UnusableSources
from voucher_selection.domain.runs import RunId
from voucher_selection.domain.striking_dates import StrikingDate
from voucher_selection.domain.text_formats import Texts
from voucher_selection.domain.totals import AssignTotals, Totals
from voucher_selection.domain.voucher_manifest import VoucherFormat
from voucher_selection.domain.what_if import SegmentChange
from voucher_selection.domain.windows import ALL_DAYS, Window


class Outcome(StrEnum):
    """What a successful run did to the served model."""

    PUBLISHED = "published"
    SUPERSEDED = "superseded"  # the model of a newer run was already served
    NOTHING_NEW = "nothing_new"  # every object of the source was already counted, or the version was already served
    WHAT_IF = "what_if"  # the run only reported a model
    ASSIGNED = "assigned"  # the run only used the served model


class Summary(BaseModel):
    """The fields that the summary of every successful run has.

    `version` is that of its model, or of the model that it used. `published` is True if the run made it the served one.
    """

    run_id: RunId
    status: Literal["succeeded"] = "succeeded"
    mode: str
    outcome: Outcome
    started_at: AwareDatetime
    finished_at: datetime
    version: str
    published: bool


class _ModelSummary(Summary):
    """The summary of a run that makes a model: its countries, date, time zone and window."""

    countries: Countries
    cur_date: IsoDate
    time_zone: str = "UTC"
    window: Window = ALL_DAYS


class HistorySummary(_ModelSummary):
    """The `run.json` of a run over a history; `published` is False if the served model stayed.

    `texts` has what was recognised of CSV files and JSON lines, and hints for values that were malformed.

    `shards`, `rows` and `assigned_on` describe the history that the run read; an append added it to the counts of
    `base_run_id`. Summaries of older versions have no `assigned_on`.
    `counted_again` has the days of an append that were counted before, and `rows.replaced` how many assignments went.
    """

    mode: HistoryMode
    source: str
    files: int
    known_files: int
    left_out: LeftOut = LeftOut()
    unusable: UnusableSources = UnusableSources()
    texts: Texts = Texts()
    shards: int
    rows: Totals
    assigned_on: AssignedOn | None = None
    striking_dates: tuple[StrikingDate, ...] = ()
    base_run_id: RunId | None
    counted_again: CountedAgain | None = None
    served_version: str


class RemodelSummary(_ModelSummary):
    """The `run.json` of a remodel.

    `changed_segments` is the number of segments whose amount differs from the model served before; `changes` are the
    first of them. A what-if's whole report is in the lake, under `what_if_key`.
    """

    mode: Literal["remodel"] = "remodel"
    counts_run_id: RunId
    served_version: str | None
    changed_segments: int
    changes: tuple[SegmentChange, ...]
    what_if_key: str | None = None


class _ServedAgain(Summary):
    """The summary of a run that makes no model of its own: countries and date of the one that it serves.

    Summaries of older versions lack both.
    """

    countries: Countries | None = None
    cur_date: IsoDate | None = None


class ApprovalSummary(_ServedAgain):
    """The `run.json` of an approval; the approved run's own summary is rewritten."""

    mode: Literal["approve"] = "approve"
    approved_run_id: RunId
    served_version: str | None


class RollbackSummary(_ServedAgain):
    """The `run.json` of a rollback; `previous_version` was served before it."""

    mode: Literal["rollback"] = "rollback"
    served_version: str
    previous_version: str | None


class AssignSummary(Summary, AssignTotals):
    """The `run.json` of an assign run; `output` is the address of the amounts.

    `fallback` and `least_support` are those of every lookup. The manifest, at `manifest_key` in the lake, lists the
    files; it is null if an older version wrote some. `cost` has the first entries of the run's cost, and
    `cost_key` is where all of it is in the lake. It is null if an older version wrote amounts of the run.
    """

    mode: Literal["assign"] = "assign"
    outcome: Outcome = Outcome.ASSIGNED
    published: bool = False
    customers: str
    segment_name: str | None
    fallback: FallbackTo = "none"
    least_support: int = 1
    files: int
    left_out: LeftOut = LeftOut()
    texts: Texts = Texts()
    shards: int
    output: str
    format: VoucherFormat = "parquet"
    manifest_key: str | None = None
    cost: AssignmentCost | None = None
    cost_key: str | None = None


type PointerSummary = Annotated[HistorySummary | RemodelSummary | RollbackSummary, Field(discriminator="mode")]
"""The summary of a run that may move the pointer to the served version."""
