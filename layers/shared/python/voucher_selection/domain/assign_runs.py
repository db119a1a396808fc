"""A run that assigns: what Ingest plans for customers, what Assign reports per shard, and the summary it leaves."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict

from voucher_selection.domain.countries import Countries
from voucher_selection.domain.runs import LeftOut, Outcome, RunId, SourceFile
from voucher_selection.domain.stored_objects import StoredRows


class AssignPlan(BaseModel):
    """Everything that is settled when the run starts: above all the version that every shard takes its amounts from.

    `segment_name` None: each row names its segmentation. `countries` are those of the model.
    """

    model_config = ConfigDict(frozen=True)

    run_id: RunId
    mode: Literal["assign"] = "assign"
    started_at: AwareDatetime
    source: str
    version: str
    countries: Countries
    segment_name: str | None
    customer_ids: Literal["integer", "text"]
    files: tuple[SourceFile, ...]
    left_out: LeftOut = LeftOut()
    shards: int

    @property
    def rows(self) -> int:
        """How many customers there are."""
        return sum(file.rows for file in self.files)


class AssignTotals(BaseModel):
    """What became of the customers: `assigned` and the `problems`, by the API's code, add up to `rows`."""

    model_config = ConfigDict(frozen=True)

    rows: int = 0
    assigned: int = 0
    problems: dict[str, int] = {}

    @classmethod
    def sum(cls, parts: Iterable["AssignTotals"]) -> Self:
        """Add up totals."""
        parts = list(parts)
        codes = sorted({code for part in parts for code in part.problems})
        return cls(
            rows=sum(part.rows for part in parts),
            assigned=sum(part.assigned for part in parts),
            problems={code: sum(part.problems.get(code, 0) for part in parts) for code in codes},
        )

    @property
    def add_up(self) -> bool:
        """Whether every customer is accounted for."""
        return self.rows == self.assigned + sum(self.problems.values())


class ShardAssigned(AssignTotals):
    """The totals of one shard, and the object with its amounts; None in totals that were written before it was."""

    shard: int
    vouchers: StoredRows | None = None

    @property
    def add_up(self) -> bool:
        """Whether every customer is accounted for, and was written."""
        return super().add_up and (self.vouchers is None or self.vouchers.rows == self.rows)


class AssignSummary(BaseModel):
    """The `run.json` of a run that assigned, and its execution's result; `output` is where the amounts are."""

    run_id: RunId
    status: Literal["succeeded"] = "succeeded"
    mode: Literal["assign"] = "assign"
    outcome: Outcome = Outcome.ASSIGNED
    customers: str
    segment_name: str | None
    started_at: AwareDatetime
    finished_at: datetime
    files: int
    left_out: LeftOut = LeftOut()
    shards: int
    rows: int
    assigned: int
    problems: dict[str, int]
    version: str
    published: bool = False
    output: str
