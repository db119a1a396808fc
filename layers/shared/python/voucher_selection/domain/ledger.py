"""The ledger of a run's counts: which source objects they count, so that none is counted twice."""

from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict

from voucher_selection.domain.countries import Countries
from voucher_selection.domain.errors import AlreadyCounted
from voucher_selection.domain.plans import SourceFile
from voucher_selection.domain.runs import RunId
from voucher_selection.domain.stored_objects import StoredCounts
from voucher_selection.domain.totals import Totals


class LedgerEntry(BaseModel):
    """One source object whose rows are counted, and the run that counted them."""

    model_config = ConfigDict(frozen=True)

    identity: str
    source: str
    run_id: RunId


class Ledger(BaseModel):
    """Everything that a run's counts count: the objects, and the countries kept of them.

    Attributes
    ----------
    base_run_id
        The run whose counts these were added to; its entries are carried over. None: they began a new history.
    rows
        What became of all the rows; None in a ledger that was written before they were.
    time_zone
        The zone whose days the rows are counted by.
    counts
        The counts as they were written; None until they are, and in a ledger from before this was.
    """

    model_config = ConfigDict(frozen=True)

    countries: Countries
    base_run_id: RunId | None = None
    entries: tuple[LedgerEntry, ...]
    rows: Totals | None = None
    time_zone: str = "UTC"
    counts: StoredCounts | None = None

    @classmethod
    def of(
        cls,
        run_id: str,
        countries: tuple[str, ...],
        files: Iterable[SourceFile],
        rows: Totals,
        time_zone: str = "UTC",
    ) -> Self:
        """Return the ledger of counts that begin with these files."""
        return cls(countries=countries, entries=_entries(run_id, files), rows=rows, time_zone=time_zone)

    @property
    def identities(self) -> frozenset[str]:
        """The identities of all objects counted."""
        return frozenset(entry.identity for entry in self.entries)

    def extended(self, own_run_id: str, run_id: str, files: Iterable[SourceFile], rows: Totals) -> Self:
        """Return the ledger with the files of `run_id` added; this one is of the counts of `own_run_id`.

        Raises
        ------
        AlreadyCounted
            It has some of the files: added as they are, they would count twice.
        """
        entries, known = _entries(run_id, files), self.identities
        if doubled := [entry for entry in entries if entry.identity in known]:
            raise AlreadyCounted(
                f"{len(doubled)} of the {len(entries)} objects of this run have been counted by another run meanwhile"
                f" (the first: {doubled[0].source}): start the append again, it will add only the others"
            )
        known_rows = self.rows and Totals.sum([self.rows, rows])
        added = {"base_run_id": own_run_id, "entries": self.entries + entries, "rows": known_rows, "counts": None}
        return self.model_copy(update=added)


def _entries(run_id: str, files: Iterable[SourceFile]) -> tuple[LedgerEntry, ...]:
    return tuple(LedgerEntry(identity=file.identity, source=file.source, run_id=run_id) for file in files)
