"""Runs over objects of the inbox: their input, and what follows from how they end.

One file that cannot be used hinders no other. If a run of several files fails because of one of them, each half gets a
run of its own, until the file is alone.
"""

import json
from collections.abc import Mapping
from enum import Enum, auto
from hashlib import sha256
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from voucher_selection.contract.runs import RUNS_OF_THE_INBOX, Overlap
from voucher_selection.domain import errors
from voucher_selection.domain.inbox import Dropped
from voucher_selection.domain.summaries import Outcome

MOST_ATTEMPTS = 3
"""How often the same files are tried, if the files themselves may have no fault."""

_OF_THE_DEPLOYMENT = frozenset(
    error.__name__
    for error in (
        # heals when the same run is started again
        *(errors.AlreadyCounted, errors.NoLongerCounted, errors.CatalogContended, errors.SourceChanged),
        *(errors.CatalogUnavailable, errors.LakeUnavailable, errors.SourceUnavailable),
        # somebody has to mend it
        *(errors.CatalogRefused, errors.LakeRefused, errors.SourceNotAllowed, errors.UnreadableItem),
        *(errors.ObjectAltered, errors.ObjectMissing, errors.InvalidRequest, errors.InvalidSegments),
        *(errors.NoCounts, errors.OldCounts, errors.NoModel, errors.EmptyWindow),
        *(errors.OtherCountries, errors.OtherTimeZone, errors.UnknownTimeZone),
    )
) | {"ABORTED", "TIMED_OUT"}
"""Errors that every file would meet, and the states in which an execution ends without an error."""

_OF_EVERY_FILE = frozenset({errors.NoUsableFiles.__name__, errors.NothingKept.__name__, errors.SourceNotFound.__name__})
"""Errors of a run that each of its files would meet alone: there is nothing to look for."""

_OURS = frozenset(name for name, kind in vars(errors).items() if isinstance(kind, type))


class Batch(BaseModel):
    """The files of a run, its input, and what waits until it has ended.

    `waiting` are halves of earlier runs, each of which gets a run of its own. `attempt` counts the runs of the same
    files, from 1.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    request: dict[str, Any]
    files: tuple[Dropped, ...]
    waiting: tuple[tuple[Dropped, ...], ...] = ()
    attempt: int = 1

    @classmethod
    def of(cls, next_files: "Next", request: Mapping[str, Any], after: str) -> Self:
        """Return the batch of the first files that wait.

        The run's name is a digest of the files and of what the run comes `after`. So two functions that start a run at
        the same moment, with the same files, start the same one.
        """
        files, *waiting = next_files.waiting
        named = [after, next_files.attempt, [each.mark for each in files], len(waiting)]
        digest = sha256(json.dumps(named).encode()).hexdigest()[:16]
        return cls(
            run_id=f"{RUNS_OF_THE_INBOX}{digest}",
            request={**request, "files": [each.name for each in files]},
            files=files,
            waiting=tuple(waiting),
            attempt=next_files.attempt,
        )


class Ending(NamedTuple):
    """How a run ended: its record, if it left one, and the error of a run that failed, with its message."""

    record: Mapping[str, Any]
    error: str | None = None
    message: str = ""

    @property
    def is_superseded(self) -> bool:
        """Whether a newer model stays served, so that the files are not counted."""
        return self.error is None and self.record.get("outcome") == Outcome.SUPERSEDED


class Next(NamedTuple):
    """What follows a run: whether its files are settled, and the files that wait; the first of them get `attempt`."""

    settled: bool
    waiting: tuple[tuple[Dropped, ...], ...]
    attempt: int = 1


def request_for(bucket_folder: str, overlap: Overlap, *, is_first: bool) -> dict[str, Any]:
    """Return the input of a run over files of the inbox, without the files; the first run makes the first model."""
    request = {"source": bucket_folder, "unusable": "leave_out"}
    return {"mode": "full", **request} if is_first else {"mode": "append", **request, "overlap": overlap}


def following(batch: Batch, ending: Ending) -> Next:
    """Return what follows the end of a run over files that it could read.

    Nothing follows, or the same files are tried again, or each half of them gets a run of its own.
    """
    fault, are_several = _fault_of(ending), len(batch.files) > 1
    if fault in {Fault.ONE_FILE, Fault.UNKNOWN} and are_several:
        half = (len(batch.files) + 1) // 2
        return Next(settled=False, waiting=(batch.files[:half], batch.files[half:], *batch.waiting))
    if fault in {Fault.DEPLOYMENT, Fault.UNKNOWN} and batch.attempt < MOST_ATTEMPTS:
        return Next(settled=False, waiting=(batch.files, *batch.waiting), attempt=batch.attempt + 1)
    return Next(settled=True, waiting=batch.waiting)


class Fault(Enum):
    """Whose fault it is that a run failed."""

    NONE = auto()
    EVERY_FILE = auto()
    ONE_FILE = auto()
    DEPLOYMENT = auto()
    UNKNOWN = auto()  # perhaps a file that takes too much memory or time


def _fault_of(ending: Ending) -> Fault:
    error = ending.error
    if error is None:
        return Fault.DEPLOYMENT if ending.is_superseded else Fault.NONE
    if error in _OF_EVERY_FILE:
        return Fault.EVERY_FILE
    if error in _OF_THE_DEPLOYMENT:
        return Fault.DEPLOYMENT
    return Fault.ONE_FILE if error in _OURS else Fault.UNKNOWN


def is_of_the_files(ending: Ending) -> bool:
    """Whether a run failed because of its files, so that dropping them again would not help."""
    return _fault_of(ending) in {Fault.EVERY_FILE, Fault.ONE_FILE}
