"""A run: what Ingest plans, what Clean reports per shard, and the summary it leaves."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from voucher_selection.contract.limits import MOST_NULL_DATES
from voucher_selection.domain.countries import Countries
from voucher_selection.domain.formats import date_from_text
from voucher_selection.domain.hive_partitions import PathValues
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rejections import Rule
from voucher_selection.domain.segments import Measure, SegmentDefinitions
from voucher_selection.domain.stored_objects import StoredCounts, StoredObject, StoredRows
from voucher_selection.domain.striking_dates import DateRows, StrikingDate
from voucher_selection.domain.what_if import SegmentChange

# Of the objects that are left out, this many are named.
_MOST_NAMES = 20
_MOMENT = "%Y%m%dT%H%M%S"
# Step Functions' execution names, less what would need quoting in an S3 key.
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+=@-]{1,80}$")]


def _iso_date(value: object) -> date | None:
    if value is None or type(value) is date:
        return value
    return date_from_text(value if isinstance(value, str) else str(value))


def _at_most(dates: tuple[date, ...]) -> tuple[date, ...]:
    if len(dates) > MOST_NULL_DATES:
        raise ValueError(f"expected at most {MOST_NULL_DATES} dates, got {len(dates):,}")
    return tuple(sorted(set(dates)))


type PlannedMode = Literal["full", "append"]
IsoDate = Annotated[date, BeforeValidator(_iso_date)]
NullDates = Annotated[tuple[IsoDate, ...], AfterValidator(_at_most)]


class LeftOut(BaseModel):
    """Objects of a source's folder that are not read, because they are not named like parquet: their first names."""

    model_config = ConfigDict(frozen=True)

    objects: int = 0
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Sequence[str]) -> Self:
        """Return how many there are, and the first of their names."""
        return cls(objects=len(names), names=tuple(names[:_MOST_NAMES]))


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
    other content, that says nothing. `size` is the file's, in bytes, `source` what it is a copy of; older manifests
    have neither. `path_values` are the columns that the file has not and its path has, as text.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    etag: str
    first_row_group: int
    end_row_group: int
    first_row: int
    rows: int
    size: int | None = None
    source: str | None = None
    path_values: PathValues = {}


class Shard(BaseModel):
    """A piece of the history that one Clean works on; an item of the manifest."""

    model_config = ConfigDict(frozen=True)

    number: int
    parts: tuple[ShardPart, ...]

    @property
    def rows(self) -> int:
        """How many rows the shard has."""
        return sum(part.rows for part in self.parts)


class KnownFile(BaseModel):
    """A file of an append's source that was counted before; see `SourceFile`."""

    model_config = ConfigDict(frozen=True)

    source: str
    identity: str


class RunPlan(BaseModel):
    """Everything that is settled when a run starts, so that no later state depends on settings or on the clock.

    `known` files of an append's source had been counted before, and are neither among `files` nor in a shard. They have
    to be in the counts that the others are added to. `known_files` is their number in a plan from before they were
    written down, and else 0.
    """

    model_config = ConfigDict(frozen=True)

    run_id: RunId
    mode: PlannedMode = "full"
    started_at: AwareDatetime
    source: str
    reading: Reading
    cur_date: IsoDate
    definitions: SegmentDefinitions
    files: tuple[SourceFile, ...]
    known: tuple[KnownFile, ...] = ()
    known_files: int = 0
    left_out: LeftOut = LeftOut()
    shards: int

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, plan: Any) -> Any:  # noqa: ANN401 - whatever there is
        """Read a plan that was written when a reading was its countries."""
        if not isinstance(plan, dict) or "countries" not in plan:
            return plan
        return {name: value for name, value in plan.items() if name != "countries"} | {
            "reading": {"countries": plan["countries"]}
        }

    @property
    def countries(self) -> tuple[str, ...]:
        """The countries that the run keeps."""
        return self.reading.countries

    @property
    def rows(self) -> int:
        """How many rows the history has."""
        return sum(file.rows for file in self.files)

    @property
    def version(self) -> str:
        """The version of the run's model: versions sort by the start of their runs."""
        return version_of(self.started_at, self.run_id)


def version_of(moment: datetime, run_id: str) -> str:
    """Return the version that a run's model has: versions sort by their moments, to the millisecond."""
    moment = moment.astimezone(UTC)
    return f"{moment:{_MOMENT}}{moment.microsecond // 1000:03d}Z-{run_id}"


def first_not_yet(now: datetime) -> str:
    """Return what sorts after every version that there can be by now; clocks may differ by a day."""
    return version_of(now + timedelta(days=1), "")


def is_version(text: str, now: datetime) -> bool:
    """Tell whether a text is a version that there can be by now."""
    try:
        datetime.strptime(text.partition("Z-")[0] + "+0000", f"{_MOMENT}%f%z")
    except ValueError:
        return False
    return text < first_not_yet(now)


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
    """What the counts behind a model count: those that `run_id` has left, of `rows`; `ledger` is of what it wrote down.

    Each is None where nobody wrote it down.
    """

    run_id: str
    rows: Totals | None
    ledger: StoredObject | None = None


def message_of(cause: str) -> str:
    """Return what an error said: the cause that Lambda gives a failed state is JSON with the message in it."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause


class ShardTotals(Totals):
    """The totals of one shard, and what it has written: the rows kept, those rejected by rule (if any), its counts.

    `dated` of the rows kept have a last order: that many the counts by days count. `dated` and `counts` are None in
    totals that were written before they were. `frequent_dates` may prove striking in all shards together.
    """

    shard: int
    cleaned: StoredRows | None = None
    quarantine: dict[str, StoredRows] = {}
    dated: int | None = None
    counts: StoredCounts | None = None
    frequent_dates: tuple[DateRows, ...] = ()

    @property
    def add_up(self) -> bool:
        """Whether every row read is accounted for, and was written and counted where it belongs."""
        return super().add_up and self._are_written and self._are_counted

    @property
    def _are_written(self) -> bool:
        rejected = dict.fromkeys(self.rejected, 0) | {rule: file.rows for rule, file in self.quarantine.items()}
        return rejected == self.rejected and (self.cleaned.rows if self.cleaned else 0) == self.kept

    @property
    def _are_counted(self) -> bool:
        expected = {Measure.TOTAL_ORDERS: self.kept, Measure.DAYS_SINCE_LAST_ORDER: self.dated}
        return self.counts is None or self.counts.rows == expected


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
    time_zone: str = "UTC"
    started_at: AwareDatetime
    finished_at: datetime
    files: int
    known_files: int
    left_out: LeftOut = LeftOut()
    shards: int
    rows: Totals
    striking_dates: tuple[StrikingDate, ...] = ()
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
    time_zone: str = "UTC"
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


type PointerSummary = Annotated[RunSummary | RemodelSummary | RollbackSummary, Field(discriminator="mode")]
"""The summary of a run that may move the pointer to the served version."""
