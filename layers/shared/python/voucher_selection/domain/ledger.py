"""The ledger of a run's counts: the source objects that they count, so that no object is counted twice."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from voucher_selection.domain.countries import Countries
from voucher_selection.domain.errors import AlreadyCounted
from voucher_selection.domain.plans import SourceFile
from voucher_selection.domain.runs import RunId
from voucher_selection.domain.stored_objects import StoredCounts
from voucher_selection.domain.totals import Totals


class LedgerEntry(BaseModel):
    """A source object whose rows are counted, and the run that counted them.

    A later delivery may have replaced some of its days.
    """

    model_config = ConfigDict(frozen=True)

    identity: str
    source: str
    run_id: RunId


class Ledger(BaseModel):
    """The objects that a run's counts count, and the countries whose rows they keep.

    Attributes
    ----------
    base_run_id
        The run whose counts these were added to; its entries are copied here. None: the counts begin a new history.
    rows
        The totals of all rows; None in a ledger of an older version.
    time_zone
        The time zone that defines the days which rows are counted by.
    counts
        The counts as they were written; None until then, and in a ledger of an older version, whose counts cannot be
        used.
    counts_key
        The key of these counts; None in a ledger of an older version, which kept them elsewhere.
    """

    model_config = ConfigDict(frozen=True)

    countries: Countries
    base_run_id: RunId | None = None
    entries: tuple[LedgerEntry, ...]
    rows: Totals | None = None
    time_zone: str = "UTC"
    counts: StoredCounts | None = None
    counts_key: str | None = None

    @classmethod
    def of(
        cls,
        run_id: str,
        countries: tuple[str, ...],
        files: Iterable[SourceFile],
        rows: Totals,
        time_zone: str = "UTC",
    ) -> Self:
        """Return the ledger of a new history that begins with these files."""
        return cls(countries=countries, entries=_entries(run_id, files), rows=rows, time_zone=time_zone)

    @model_validator(mode="before")
    @classmethod
    def _without_old_counts(cls, ledger: Any) -> Any:  # noqa: ANN401 - any JSON
        """Forget the record of counts that an older version wrote in two tables: they cannot be used."""
        counts = ledger.get("counts") if isinstance(ledger, dict) else None
        return ledger | {"counts": None} if isinstance(counts, dict) and "objects" in counts else ledger

    @property
    def identities(self) -> frozenset[str]:
        """The identities of all counted objects."""
        return frozenset(entry.identity for entry in self.entries)

    def extended(
        self, own_run_id: str, run_id: str, files: Iterable[SourceFile], rows: Totals, again: frozenset[str]
    ) -> Self:
        """Return this ledger, which is that of `own_run_id`, with the files of `run_id` added.

        `again` are the identities of files that were counted before, and whose days this run replaces.

        Raises
        ------
        AlreadyCounted
            The ledger already has some of the other files, which would count twice.
        """
        entries, known = _entries(run_id, files), self.identities
        if doubled := [entry for entry in entries if entry.identity in known - again]:
            raise AlreadyCounted(
                f"another run has meanwhile counted {len(doubled)} of the {len(entries)} objects of this run"
                f" (the first: {doubled[0].source}): start the append again, it will add only the others"
            )
        earlier = tuple(entry for entry in self.entries if entry.identity not in again)
        known_rows = self.rows and Totals.sum([self.rows, rows])
        added = {"base_run_id": own_run_id, "entries": earlier + entries, "rows": known_rows}
        return self.model_copy(update=added | {"counts": None, "counts_key": None})


def _entries(run_id: str, files: Iterable[SourceFile]) -> tuple[LedgerEntry, ...]:
    return tuple(LedgerEntry(identity=file.identity, source=file.source, run_id=run_id) for file in files)
