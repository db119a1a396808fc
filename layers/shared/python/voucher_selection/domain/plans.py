"""Plans: what Ingest settles for a run over a source, and the shards that it is cut into."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, model_validator

from voucher_selection.domain.countries import Countries
from voucher_selection.domain.dates import IsoDate
from voucher_selection.domain.hive_partitions import PathValues
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.runs import RunId
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.versions import version_of

_MOST_NAMES = 20  # of the objects that are left out
type HistoryMode = Literal["full", "append"]


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


class Plan(BaseModel):
    """What is settled when a run over a source starts, so that no later state depends on settings or on the clock."""

    model_config = ConfigDict(frozen=True)

    run_id: RunId
    mode: str
    started_at: AwareDatetime
    source: str
    files: tuple[SourceFile, ...]
    left_out: LeftOut = LeftOut()
    shards: int

    @property
    def rows(self) -> int:
        """How many rows the files have."""
        return sum(file.rows for file in self.files)


class HistoryPlan(Plan):
    """The plan of a run that counts a history.

    `known` files of an append's source were counted before: they are neither in `files` nor in a shard, and must be in
    the counts that the others are added to. `known_files` is their number in a plan that does not name them (older
    versions wrote such plans), otherwise 0.
    """

    mode: HistoryMode = "full"
    reading: Reading
    cur_date: IsoDate
    definitions: SegmentDefinitions
    known: tuple[KnownFile, ...] = ()
    known_files: int = 0

    @model_validator(mode="before")
    @classmethod
    def _of_older_version(cls, plan: Any) -> Any:  # noqa: ANN401 - any JSON
        """Read a plan of an older version, whose reading was its countries."""
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
    def version(self) -> str:
        """The version of the run's model."""
        return version_of(self.started_at, self.run_id)


class AssignPlan(Plan):
    """The plan of a run that assigns: every shard takes its amounts from the same `version` of the model.

    `segment_name` None: each row names its segmentation. `countries` are those of the model.
    """

    mode: Literal["assign"] = "assign"
    version: str
    countries: Countries
    segment_name: str | None
    customer_ids: Literal["integer", "text"]
