"""The inbox: the objects that are dropped there, and which of them a run can take."""

import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict

from voucher_selection.contract.limits import MOST_CHARACTERS_OF_FILES, MOST_FILES
from voucher_selection.domain.errors import InvalidRequest, NoDataFiles, TableFormat, VoucherSelectionError
from voucher_selection.domain.folder_contents import READ, contents_of, is_hidden
from voucher_selection.domain.table_formats import Table, table_among

# More of them in one run would make everybody wait for the largest.
_MOST_BYTES = 2 * 1024**3


class Dropped(BaseModel):
    """An object in the inbox: `name` is its path below it, `size` is in bytes, `dropped_at` is when S3 got it."""

    model_config = ConfigDict(frozen=True)

    name: str
    etag: str
    size: int
    dropped_at: AwareDatetime

    @property
    def mark(self) -> str:
        """A digest of name, content and time: an object that is dropped again has another, even if it is the same."""
        return sha256(f"{self.name}\0{self.etag}\0{self.dropped_at.isoformat()}".encode()).hexdigest()


class Refused(NamedTuple):
    """An object that no run can take, and why: the name of the error, and its message."""

    dropped: Dropped
    error: str
    message: str


class Contents(NamedTuple):
    """The objects of the inbox that a run can take, and those that none can. What holds no data is in neither."""

    takeable: list[Dropped]
    refused: list[Refused]


def contents_of_inbox(objects: Sequence[Dropped]) -> Contents:
    """Separate the objects that a run can take from those that it cannot, by their names.

    A marker like `_SUCCESS`, a folder, and what a file or folder beginning with `_` or `.` hides, holds no data. So a
    program may upload to such a name first, and then give the object its own.
    """
    by_name = {each.name: each for each in objects}
    contents, tables = contents_of(by_name), _tables_among(by_name)
    faults = [(name, _fault_of(name, tables)) for name in contents.read]
    faults += [(name, _not_read(name)) for name in contents.left_out if not is_hidden(name)]
    return Contents(
        takeable=[by_name[name] for name, fault in faults if fault is None],
        refused=[Refused(by_name[name], type(fault).__name__, str(fault)) for name, fault in faults if fault],
    )


def _tables_among(names: Iterable[str]) -> dict[str, Table]:
    """Return the tables below the inbox, by their folders. The inbox itself is none: it has files of many."""
    found = (table_among([name]) for name in names)
    return {f"{table.place}/": table for table in found if table and table.place}


def _fault_of(name: str, tables: Mapping[str, Table]) -> VoucherSelectionError | None:
    """Return why a run could not take an object of this name; None if it could."""
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        return InvalidRequest("expected a name without control characters: drop the object under another name")
    for folder, table in tables.items():
        if name.startswith(folder):
            return TableFormat(
                f"{folder} is {table.title} (it has {table.sign}): its files also hold rows that were replaced or"
                " deleted since. Drop its current rows as plain files"
            )
    return None


def _not_read(name: str) -> VoucherSelectionError:
    return NoDataFiles(
        f"expected a name like those of files of parquet, CSV or JSON lines ({READ}), got {name}: drop it under another"
    )


def first_batch(objects: Iterable[Dropped]) -> tuple[Dropped, ...]:
    """Return the objects that the next run takes: those that came first, within the limits of a run, and at least one.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> days = [datetime(2026, 1, day, tzinfo=UTC) for day in (3, 1, 2)]
    >>> drops = [Dropped(name=f"{day.day}.csv", etag="e", size=2**30, dropped_at=day) for day in days]
    >>> [each.name for each in first_batch(drops)]
    ['1.csv', '2.csv']
    """
    return tuple(_within_limits(sorted(objects, key=lambda each: (each.dropped_at, each.name))))


def _within_limits(objects: Sequence[Dropped]) -> Iterator[Dropped]:
    size = characters = 0
    for place, each in enumerate(objects):
        size += each.size
        characters += len(json.dumps(each.name))
        if place and (place >= MOST_FILES or size > _MOST_BYTES or characters > MOST_CHARACTERS_OF_FILES):
            return
        yield each
