"""Totals: what became of the rows of a history, or of customers, in a shard or in all of a run."""

from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict, field_validator

from voucher_selection.domain.rule_names import Rule
from voucher_selection.domain.segments import Measure
from voucher_selection.domain.stored_objects import StoredCounts, StoredRows
from voucher_selection.domain.striking_dates import DateRows


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
