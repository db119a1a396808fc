"""Totals: how many rows of a history were kept or rejected, or how many customers got an amount, per shard or run."""

from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict, field_validator

from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.assignment_costs import GivenCustomers
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.other_countries import MOST_SHOWN, RowsByName, summed
from voucher_selection.domain.stored_objects import StoredCounts, StoredRows
from voucher_selection.domain.striking_dates import DateRows
from voucher_selection.domain.voucher_manifest import VoucherFormat, WrittenFile


class Totals(BaseModel):
    """The result of cleaning: `other_country`, `rejected` (by rule) and `kept` add up to `rows_read`.

    `replaced` is the number of kept rows that the counts no longer have, because a later delivery replaced their days.
    `other_countries` has the rows of `other_country` by the name of their country, the most frequent first. It lacks
    rare names where there are hundreds, and is empty in older totals.
    `amounts_rounded` is the number of kept rows whose amount was written with other digits (see `amounts`). `rejected`
    has an entry for every rule. Older totals have 0 for a newer rule, and keep the entry of a rule that no longer
    exists.
    """

    model_config = ConfigDict(frozen=True, validate_default=True)

    rows_read: int = 0
    other_country: int = 0
    other_countries: RowsByName = {}
    rejected: dict[str, int] = {}
    kept: int = 0
    replaced: int = 0
    amounts_rounded: int = 0

    @field_validator("rejected")
    @classmethod
    def _by_every_rule(cls, rejected: dict[str, int]) -> dict[str, int]:
        return {rule.value: 0 for rule in Rule} | rejected

    @field_validator("other_countries")
    @classmethod
    def _most_frequent_first(cls, other_countries: RowsByName) -> RowsByName:
        return summed(other_countries.items())

    @classmethod
    def sum(cls, parts: Iterable["Totals"]) -> Self:
        """Add up totals."""
        parts = list(parts)
        rules = dict.fromkeys(rule for part in parts for rule in part.rejected)
        return cls(
            rows_read=sum(part.rows_read for part in parts),
            other_country=sum(part.other_country for part in parts),
            other_countries=summed(named for part in parts for named in part.other_countries.items()),
            rejected={rule: sum(part.rejected.get(rule, 0) for part in parts) for rule in rules},
            kept=sum(part.kept for part in parts),
            replaced=sum(part.replaced for part in parts),
            amounts_rounded=sum(part.amounts_rounded for part in parts),
        )

    @property
    def add_up(self) -> bool:
        """Whether the parts add up to the rows read, and no more rows have a name than are of other countries."""
        listed = sum(self.other_countries.values())
        return listed <= self.other_country == self.rows_read - sum(self.rejected.values()) - self.kept

    def with_names_to_show(self) -> Self:
        """Return these totals with the names that people see: the most frequent 20 of the other countries."""
        return self.model_copy(update={"other_countries": summed(self.other_countries.items(), MOST_SHOWN)})


class ShardTotals(Totals):
    """The totals of one shard, and the objects that it wrote: kept rows, rejected rows by rule (if any), and counts.

    `measurable` is the number of kept rows that have what each measure is computed from. `frequent_dates` may prove
    striking once the shards are added up.
    """

    shard: int
    cleaned: StoredRows | None = None
    quarantine: dict[str, StoredRows] = {}
    measurable: dict[Measure, int]
    counts: StoredCounts
    frequent_dates: tuple[DateRows, ...] = ()

    @property
    def add_up(self) -> bool:
        """Whether the parts add up to the rows read, and every row was written and counted where it belongs."""
        return super().add_up and self._are_written and self._are_counted

    @property
    def _are_written(self) -> bool:
        rejected = dict.fromkeys(self.rejected, 0) | {rule: file.rows for rule, file in self.quarantine.items()}
        return rejected == self.rejected and (self.cleaned.rows if self.cleaned else 0) == self.kept

    @property
    def _are_counted(self) -> bool:
        return self.counts.rows == self.measurable and self.measurable[Measure.TOTAL_ORDERS] == self.kept


class GroupTotals(Totals):
    """The totals of a group of shards, and the object with the sum of their counts.

    `frequent_dates` are those of its shards, added up. `undated_again` is the number of kept rows without a day that
    the counts leave out, because they are counted already.
    """

    group: int
    counts: StoredCounts
    frequent_dates: tuple[DateRows, ...] = ()
    undated_again: int = 0

    @property
    def add_up(self) -> bool:
        """Whether the parts add up to the rows read, and every row was counted."""
        return super().add_up and self.counts.rows[Measure.TOTAL_ORDERS] + self.undated_again == self.kept


class AssignTotals(BaseModel):
    """The result of assigning: `assigned` and `problems` (by the API's code) add up to `rows`, the customers read."""

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
        """Whether the parts add up to the customers read."""
        return self.rows == self.assigned + sum(self.problems.values())


class Assigned(AssignTotals):
    """The result of assigning, and what the customers were given; `given` is None if an older version wrote a part."""

    given: tuple[GivenCustomers, ...] | None = None

    @classmethod
    def of(cls, parts: Iterable["Assigned"]) -> "Assigned":
        """Add up results."""
        parts = list(parts)
        entries = [entry for part in parts for entry in part.given or ()]
        given = None if any(part.given is None for part in parts) else GivenCustomers.added_up(entries)
        return Assigned(**AssignTotals.sum(parts).model_dump(), given=given)

    @property
    def add_up(self) -> bool:
        """Whether the parts add up to the customers read, and every customer with an amount was counted."""
        return super().add_up and (self.given is None or sum(each.customers for each in self.given) == self.assigned)


class ShardAssigned(Assigned):
    """The result of one shard, and the object with the amounts of its customers; older results do not name it."""

    shard: int
    format: VoucherFormat = "parquet"
    vouchers: StoredRows | None = None

    @property
    def add_up(self) -> bool:
        """Whether the parts add up to the customers read, and every customer was written and counted."""
        return super().add_up and (self.vouchers is None or self.vouchers.rows == self.rows)


class GroupAssigned(Assigned):
    """The result of a group of shards, and the files of its shards; None if an older version wrote one."""

    group: int
    files: tuple[WrittenFile, ...] | None = None
