"""Summaries: the `run.json` that a run leaves, which is its execution's result too."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field

from voucher_selection.domain.countries import Countries
from voucher_selection.domain.dates import IsoDate
from voucher_selection.domain.plans import HistoryMode, LeftOut
from voucher_selection.domain.runs import RunId
from voucher_selection.domain.striking_dates import StrikingDate
from voucher_selection.domain.totals import AssignTotals, Totals
from voucher_selection.domain.what_if import SegmentChange


class Outcome(StrEnum):
    """What a run that succeeded did to the served model."""

    PUBLISHED = "published"
    SUPERSEDED = "superseded"  # a newer run's model was served already
    NOTHING_NEW = "nothing_new"  # every object of the source had been counted before, or the version was served
    WHAT_IF = "what_if"  # it was only asked what would be
    ASSIGNED = "assigned"  # it only took amounts from it


class Summary(BaseModel):
    """What every run that succeeded says of itself.

    `version` is that of its model, or of the model that it used; `published` is whether the run has made it the served
    one.
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
    """Of a run that makes a model: what it is made for."""

    countries: Countries
    cur_date: IsoDate
    time_zone: str = "UTC"


class HistorySummary(_ModelSummary):
    """The `run.json` of a run over a history; `published` is False where it left the served model as it was.

    `shards` and `rows` are of the history that the run read; an append has added it to the counts of `base_run_id`.
    """

    mode: HistoryMode
    source: str
    files: int
    known_files: int
    left_out: LeftOut = LeftOut()
    shards: int
    rows: Totals
    striking_dates: tuple[StrikingDate, ...] = ()
    base_run_id: RunId | None
    served_version: str


class RemodelSummary(_ModelSummary):
    """The `run.json` of a remodel, and its execution's result.

    `changed_segments` get another amount than from the model served before; `changes` are the first of them. All of a
    what-if is in the lake, under `what_if_key`.
    """

    mode: Literal["remodel"] = "remodel"
    counts_run_id: RunId
    served_version: str | None
    changed_segments: int
    changes: tuple[SegmentChange, ...]
    what_if_key: str | None = None


class ApprovalSummary(Summary):
    """The `run.json` of an approval, and its execution's result; the approved run's own summary is rewritten."""

    mode: Literal["approve"] = "approve"
    approved_run_id: RunId
    served_version: str | None


class RollbackSummary(Summary):
    """The `run.json` of a rollback, and its execution's result; `previous_version` was served before it."""

    mode: Literal["rollback"] = "rollback"
    served_version: str
    previous_version: str | None


class AssignSummary(Summary, AssignTotals):
    """The `run.json` of a run that assigned, and its execution's result; `output` is where the amounts are."""

    mode: Literal["assign"] = "assign"
    outcome: Outcome = Outcome.ASSIGNED
    published: bool = False
    customers: str
    segment_name: str | None
    files: int
    left_out: LeftOut = LeftOut()
    shards: int
    output: str


type PointerSummary = Annotated[HistorySummary | RemodelSummary | RollbackSummary, Field(discriminator="mode")]
"""The summary of a run that may move the pointer to the served version."""
