"""A run: what is asked of it, what Ingest plans, what Clean reports per shard, and the summary it leaves."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    ValidationError,
)

from voucher_selection.errors import InvalidRequest
from voucher_selection.rejections import Rule
from voucher_selection.segments import SegmentDefinitions
from voucher_selection.validation import describe

# Step Functions' execution names, less what would need quoting in an S3 key.
RunId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.+=@-]{1,80}$")]
# `#` separates the parts of a DynamoDB sort key.
Country = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^#]*\S[^#]*$")]


def _iso_date(value: object) -> date | None:
    if value is None or type(value) is date:
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError(f"expected a date like 2018-09-15, got {value!r}")


def _distinct(countries: tuple[str, ...]) -> tuple[str, ...]:
    if not countries or len(set(countries)) < len(countries):
        raise ValueError(f"expected at least one country and none twice, got {list(countries)}")
    return countries


def _source_location(source: str) -> str:
    scheme, _, rest = source.partition("://")
    if scheme not in {"s3", "https"} or not rest.strip("/"):
        raise ValueError(f"expected s3://bucket/key, s3://bucket/folder/ or https://host/path, got {source!r}")
    return source


IsoDate = Annotated[date, BeforeValidator(_iso_date)]
Countries = Annotated[tuple[Country, ...], AfterValidator(_distinct)]


class RunRequest(BaseModel):
    """The input of an execution: where the history is, and what differs from the deployment's settings for this run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, AfterValidator(_source_location)]
    countries: Countries | None = None
    cur_date: IsoDate | None = None

    @classmethod
    def parse(cls, request: object) -> Self:
        """Read an execution's input.

        Raises
        ------
        InvalidRequest
            Names every key that is unknown or missing and every value that cannot be used.
        """
        try:
            return cls.model_validate(request)
        except ValidationError as error:
            known = ", ".join(cls.model_fields)
            raise InvalidRequest(
                f"the run's input cannot be used: {'; '.join(describe(error))} (its keys: {known})"
            ) from error


class SourceFile(BaseModel):
    """A file of the history as it was landed: `key` in our bucket, `source` where it came from, `size` in bytes."""

    model_config = ConfigDict(frozen=True)

    key: str
    source: str
    size: int
    rows: int


class ShardPart(BaseModel):
    """Consecutive row groups of one file: those from `first_row_group` up to, not including, `end_row_group`.

    `first_row` is the index in the file of the part's first row.
    """

    model_config = ConfigDict(frozen=True)

    key: str
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
    """Everything that is settled when a run starts, so that no later state depends on settings or on the clock."""

    model_config = ConfigDict(frozen=True)

    run_id: RunId
    started_at: AwareDatetime
    source: str
    countries: Countries
    cur_date: IsoDate
    definitions: SegmentDefinitions
    files: tuple[SourceFile, ...]
    shards: int

    @property
    def rows(self) -> int:
        """How many rows the history has."""
        return sum(file.rows for file in self.files)

    @property
    def version(self) -> str:
        """The version of the run's model: versions sort by the start of their runs."""
        started = self.started_at.astimezone(UTC)
        return f"{started:%Y%m%dT%H%M%S}{started.microsecond // 1000:03d}Z-{self.run_id}"


class Totals(BaseModel):
    """What became of the rows read: `other_country`, the rejected by rule, and `kept` add up to `rows_read`."""

    model_config = ConfigDict(frozen=True)

    rows_read: int = 0
    other_country: int = 0
    rejected: dict[Rule, int] = dict.fromkeys(Rule, 0)
    kept: int = 0

    @classmethod
    def sum(cls, parts: Iterable["Totals"]) -> Self:
        """Add up totals."""
        parts = list(parts)
        return cls(
            rows_read=sum(part.rows_read for part in parts),
            other_country=sum(part.other_country for part in parts),
            rejected={rule: sum(part.rejected[rule] for part in parts) for rule in Rule},
            kept=sum(part.kept for part in parts),
        )

    @property
    def add_up(self) -> bool:
        """Whether every row read is accounted for."""
        return self.rows_read == self.other_country + sum(self.rejected.values()) + self.kept


class ShardTotals(Totals):
    """The totals of one shard."""

    shard: int


class ShardFailure(BaseModel):
    """Why a shard has no result, as the state machine recorded it; Lambda's `cause` is JSON with the message in it."""

    shard: int
    error: str
    cause: str

    @property
    def message(self) -> str:
        """What the error said."""
        try:
            return str(json.loads(self.cause)["errorMessage"])
        except (ValueError, KeyError, TypeError):
            return self.cause


class RunSummary(BaseModel):
    """The `run.json` of a run that succeeded; `published` is False where a newer run's model was served already."""

    run_id: RunId
    status: Literal["succeeded"] = "succeeded"
    source: str
    countries: Countries
    cur_date: IsoDate
    started_at: AwareDatetime
    finished_at: datetime
    shards: int
    rows: Totals
    version: str
    published: bool
    served_version: str
