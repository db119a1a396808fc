"""Plans: what Ingest decides for a run over a source, and the shards that it cuts the source into."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from voucher_selection.contract.lookups import FallbackTo
from voucher_selection.domain.countries import Countries
from voucher_selection.domain.dates import IsoDate
from voucher_selection.domain.hive_partitions import PathValues
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.runs import RunId
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.text_formats import Texts
from voucher_selection.domain.versions import version_of
from voucher_selection.domain.voucher_manifest import VoucherFormat
from voucher_selection.domain.windows import Window

_MOST_NAMES = 20  # of left-out objects
_MOST_SHOWN = 500  # characters of a message
type HistoryMode = Literal["full", "append"]
type Unusable = Literal["refuse", "leave_out"]
"""What a run does with a file that cannot be used: it fails, or it goes on without the file."""


class LeftOut(BaseModel):
    """Objects of a source's folder that are not read, because of their names."""

    model_config = ConfigDict(frozen=True)

    objects: int = 0
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Sequence[str]) -> Self:
        """Return the number of these objects, and their first 20 names."""
        return cls(objects=len(names), names=tuple(names[:_MOST_NAMES]))


class SourceFile(BaseModel):
    """A landed file: `key` is its copy in our bucket, `source` its original address, `size` its size in bytes.

    `identity` names the object and its content: an append recognises an object that was counted before.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    source: str
    identity: str
    size: int
    rows: int


class UnusableSource(BaseModel):
    """A file that a run left out because it cannot be used: the name of the error and its message say why."""

    model_config = ConfigDict(frozen=True)

    source: str
    identity: str
    error: str
    message: str


class UnusableSources(BaseModel):
    """The number of files that a run left out because they cannot be used, and the first 20 of them."""

    model_config = ConfigDict(frozen=True)

    files: int = 0
    first: tuple[UnusableSource, ...] = ()

    @property
    def names(self) -> list[str]:
        """The first files, each with the name of its error."""
        return [f"{each.source} ({each.error})" for each in self.first]

    @classmethod
    def of(cls, found: Sequence[UnusableSource]) -> Self:
        """Return the number of these files, and the first of them, with messages of at most 500 characters."""
        cut = (each.model_copy(update={"message": each.message[:_MOST_SHOWN]}) for each in found[:_MOST_NAMES])
        return cls(files=len(found), first=tuple(cut))


class ShardPart(BaseModel):
    """Consecutive row groups of one file, from `first_row_group` up to but not including `end_row_group`.

    `first_row` is the index of the part's first row in the file. `etag` is the file's ETag when its footer was read; if
    the content changes, the footer no longer applies. `size` is the file's size in bytes, and `source` the address that
    it was copied from; older manifests have neither. `path_values` are columns that the path has in place of the file,
    as text. If the file has the rows of a text file, `landed_key` is that file's, and `first_row` counts its rows.
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
    landed_key: str | None = Field(default=None, exclude_if=lambda key: key is None)  # a manifest has many parts

    @property
    def named_key(self) -> str:
        """The key of the landed file that the rows are of."""
        return self.landed_key or self.key


class Shard(BaseModel):
    """A piece of the source that one Clean or Assign processes; an item of the manifest.

    `shards_per_group` is that of the run's plan.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    shards_per_group: int | None = None
    parts: tuple[ShardPart, ...]

    @property
    def rows(self) -> int:
        """The number of rows of the shard."""
        return sum(part.rows for part in self.parts)


class KnownFile(BaseModel):
    """A file of an append's source that was counted before; see `SourceFile`."""

    model_config = ConfigDict(frozen=True)

    source: str
    identity: str


class Plan(BaseModel):
    """Everything that is decided when a run over a source starts: later states need no settings and no clock.

    `unusable` are files that the run leaves out: they are not in `files`. `texts` has what was recognised of CSV files
    and JSON lines. `shards_per_group` is the size of the groups whose results are merged first (see `shard_groups`);
    None if all shards are one group.
    """

    model_config = ConfigDict(frozen=True)

    run_id: RunId
    mode: str
    started_at: AwareDatetime
    source: str
    files: tuple[SourceFile, ...]
    left_out: LeftOut = LeftOut()
    unusable: tuple[UnusableSource, ...] = ()
    texts: Texts = Texts()
    shards: int
    shards_per_group: int | None = None

    @property
    def groups(self) -> int:
        """The number of groups that the shards are in."""
        return -(-self.shards // self.shards_per_group) if self.shards_per_group else 1

    @property
    def rows(self) -> int:
        """The number of rows of all files."""
        return sum(file.rows for file in self.files)


class HistoryPlan(Plan):
    """The plan of a run that counts a history.

    `known` are files of an append's source that were counted before. They are not in `files` or in a shard, and must be
    in the counts that the other files are added to. `known_files` is their number in a plan of an older version, which
    does not name them; otherwise 0.

    An append that replaces days leaves no file out: `again` are the identities of its files that were counted before.
    Their rows are in the first `shards_again` shards, and in no other.
    """

    mode: HistoryMode = "full"
    reading: Reading
    cur_date: IsoDate
    definitions: SegmentDefinitions
    known: tuple[KnownFile, ...] = ()
    known_files: int = 0
    window: Window | None = None
    again: frozenset[str] = frozenset()
    shards_again: int = 0

    @model_validator(mode="before")
    @classmethod
    def _of_older_version(cls, plan: Any) -> Any:  # noqa: ANN401 - any JSON
        """Read a plan of an older version, which had `countries` in place of `reading`."""
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
    """The plan of an assign run: every shard takes its amounts from the same `version` of the model.

    If `segment_name` is None, each row names its segmentation. `countries` are those of the model. `fallback` and
    `least_support` are those of every lookup; older plans have none.
    """

    mode: Literal["assign"] = "assign"
    version: str
    countries: Countries
    segment_name: str | None
    customer_ids: Literal["integer", "text"]
    fallback: FallbackTo = "none"
    least_support: int = 1
    format: VoucherFormat = "parquet"
