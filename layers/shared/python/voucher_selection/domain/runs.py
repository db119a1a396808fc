"""A run: what Ingest plans, what Clean reports per shard, and the summary it leaves."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    field_validator,
)

from voucher_selection.domain.countries import Countries
from voucher_selection.domain.formats import date_from_text
from voucher_selection.domain.rejections import Rule
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.what_if import SegmentChange

_MOMENT = "%Y%m%dT%H%M%S"
# Step Functions' execution names, less what would need quoting in an S3 key.
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+=@-]{1,80}$")]


def _iso_date(value: object) -> date | None:
    if value is None or type(value) is date:
        return value
    return date_from_text(value if isinstance(value, str) else str(value))


type PlannedMode = Literal["full", "append"]
IsoDate = Annotated[date, BeforeValidator(_iso_date)]


class SourceFile(BaseModel):
    """A file of the history as it was landed: `key` in our bucket, `source` where it came from, `size` in bytes.

    `identity` names the object and its content, so that the same object is known when it is given again.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    source: str
    identity: str
    size: int
    rows: int


class ShardPart(BaseModel):
    """Consecutive row groups of one file: those from `first_row_group` up to, not including, `end_row_group`.

    `first_row` is the index in the file of the part's first row. `etag` is the file's when its footer was read: of
    other content, that says nothing.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    etag: str
    first_row_group: int
    end_row_group: int
    first_row: int
    rows: int


class Shard(BaseModel):
    """A piece of the history that one Clean works on; an item of the manifest."""

    model_config = ConfigDict(frozen=True)

    number: int
    parts: tuple[ShardPart, ...]

    @property
    def rows(self) -> int:
        """How many rows the shard has."""
        return sum(part.rows for part in self.parts)


class RunPlan(BaseModel):
    """Everything that is settled when a run starts, so that no later state depends on settings or on the clock.

    `known_files` of an append's source had been counted before, and are neither among `files` nor in a shard.
    """

    model_config = ConfigDict(frozen=True)

    run_id: RunId
    mode: PlannedMode = "full"
    started_at: AwareDatetime
    source: str
    countries: Countries
    cur_date: IsoDate
    definitions: SegmentDefinitions
    files: tuple[SourceFile, ...]
    known_files: int = 0
    shards: int

    @property
    def rows(self) -> int:
        """How many rows the history has."""
        return sum(file.rows for file in self.files)

    @property
    def version(self) -> str:
        """The version of the run's model: versions sort by the start of their runs."""
        return version_of(self.started_at, self.run_id)


def day_in_utc(moment: datetime) -> date:
    """Return the date that a moment falls on, in UTC."""
    return moment.astimezone(UTC).date()


def version_of(moment: datetime, run_id: str) -> str:
    """Return the version that a run's model has: versions sort by their moments, to the millisecond."""
    moment = moment.astimezone(UTC)
    return f"{moment:{_MOMENT}}{moment.microsecond // 1000:03d}Z-{run_id}"


def version_after(earlier: str, version: str) -> str:
    """Return `version` if it sorts after `earlier`; else the first of the same run that does."""
    if version > earlier:
        return version
    moment, run_id = earlier.partition("Z-")[0], version.partition("Z-")[2]
    of_earlier = datetime.strptime(f"{moment}+0000", f"{_MOMENT}%f%z")
    return version_of(of_earlier + timedelta(milliseconds=1), run_id)


class Totals(BaseModel):
    """What became of the rows read: `other_country`, the rejected by rule, and `kept` add up to `rows_read`.

    `amounts_rounded` of those kept have an amount that was written with other digits (see `amounts`).
    `rejected` has every rule there is. Totals outlive rules: those that are older than a rule have 0 of it, and one
    that is no more keeps the rows that it has rejected, under its name.
    """

    model_config = ConfigDict(frozen=True, validate_default=True)

    rows_read: int = 0
    other_country: int = 0
    rejected: dict[str, int] = {}
    kept: int = 0
    amounts_rounded: int = 0

    @field_validator("rejected")
    @classmethod
    def _by_every_rule(cls, rejected: dict[str, int]) -> dict[str, int]:
        return {rule.value: 0 for rule in Rule} | rejected

    @classmethod
    def sum(cls, parts: Iterable["Totals"]) -> Self:
        """Add up totals."""
        parts = list(parts)
        rules = dict.fromkeys(rule for part in parts for rule in part.rejected)
        return cls(
            rows_read=sum(part.rows_read for part in parts),
            other_country=sum(part.other_country for part in parts),
            rejected={rule: sum(part.rejected.get(rule, 0) for part in parts) for rule in rules},
            kept=sum(part.kept for part in parts),
            amounts_rounded=sum(part.amounts_rounded for part in parts),
        )

    @property
    def add_up(self) -> bool:
        """Whether every row read is accounted for."""
        return self.rows_read == self.other_country + sum(self.rejected.values()) + self.kept


class Counted(NamedTuple):
    """What the counts behind a model count: those that `run_id` has left, of `rows` (None: nobody wrote that down)."""

    run_id: str
    rows: Totals | None


def message_of(cause: str) -> str:
    """Return what an error said: the cause that Lambda gives a failed state is JSON with the message in it."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause


class RowObject(BaseModel):
    """What there is in an object of the lake: how many rows by its own account; `size` in bytes."""

    rows: int
    size: int


class ShardTotals(Totals):
    """The totals of one shard, and the objects with its rows: those kept, and by rule those rejected; if there are."""

    shard: int
    cleaned: RowObject | None = None
    quarantine: dict[str, RowObject] = {}

    @property
    def add_up(self) -> bool:
        """Whether every row read is accounted for, and has been written where it belongs."""
        written = dict.fromkeys(self.rejected, 0) | {rule: file.rows for rule, file in self.quarantine.items()}
        return super().add_up and written == self.rejected and (self.cleaned.rows if self.cleaned else 0) == self.kept


class ShardFailure(BaseModel):
    """Why a shard has no result, as the state machine recorded it; Lambda's `cause` is JSON with the message in it."""

    shard: int
    error: str
    cause: str

    @property
    def message(self) -> str:
        """What the error said."""
        return message_of(self.cause)


class Outcome(StrEnum):
    """What a run that succeeded did to the served model."""

    PUBLISHED = "published"
    SUPERSEDED = "superseded"  # a newer run's model was served already
    NOTHING_NEW = "nothing_new"  # every object of the source had been counted before, or the version was served
    WHAT_IF = "what_if"  # it was only asked what would be
    ASSIGNED = "assigned"  # it only took amounts from it


class RunSummary(BaseModel):
    """The `run.json` of a run over a history; `published` is False where it left the served model as it was.

    `shards` and `rows` are of the history that the run read; an append has added it to the counts of `base_run_id`.
    """

    run_id: RunId
    status: Literal["succeeded"] = "succeeded"
    mode: PlannedMode
    outcome: Outcome
    source: str
    countries: Countries
    cur_date: IsoDate
    started_at: AwareDatetime
    finished_at: datetime
    files: int
    known_files: int
    shards: int
    rows: Totals
    base_run_id: RunId | None
    version: str
    published: bool
    served_version: str


class RemodelSummary(BaseModel):
    """The `run.json` of a remodel, and its execution's result.

    `changed_segments` get another amount than from the model served before; `changes` are the first of them. All of a
    what-if is in the lake, under `what_if_key`.
    """

    run_id: RunId
    status: Literal["succeeded"] = "succeeded"
    mode: Literal["remodel"] = "remodel"
    outcome: Outcome
    counts_run_id: RunId
    countries: Countries
    cur_date: IsoDate
    started_at: AwareDatetime
    finished_at: datetime
    version: str
    published: bool
    served_version: str | None
    changed_segments: int
    changes: tuple[SegmentChange, ...]
    what_if_key: str | None = None


class ApprovalSummary(BaseModel):
    """The `run.json` of an approval, and its execution's result; the approved run's own summary is rewritten."""

    run_id: RunId
    status: Literal["succeeded"] = "succeeded"
    mode: Literal["approve"] = "approve"
    outcome: Outcome
    approved_run_id: RunId
    started_at: AwareDatetime
    finished_at: datetime
    version: str
    published: bool
    served_version: str | None


class RollbackSummary(BaseModel):
    """The `run.json` of a rollback, and its execution's result; `previous_version` was served before it."""

    run_id: RunId
    status: Literal["succeeded"] = "succeeded"
    mode: Literal["rollback"] = "rollback"
    outcome: Outcome
    started_at: AwareDatetime
    finished_at: datetime
    version: str
    published: bool
    served_version: str
    previous_version: str | None
