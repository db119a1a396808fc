"""What became of an object of the inbox, in words and numbers: `inbox-results/<name>.json`."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, NamedTuple, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from voucher_selection.contract.bucket import INBOX_RESULTS
from voucher_selection.contract.runs import HELD_BACK
from voucher_selection.domain.errors import DeliveryOverlaps, SourceNotFound
from voucher_selection.domain.inbox import Dropped, Refused
from voucher_selection.domain.inbox_runs import Batch, Ending, Next, following, is_of_the_files
from voucher_selection.domain.plans import HistoryPlan, KnownFile, SourceFile, UnusableSource
from voucher_selection.domain.s3_addresses import LONGEST_KEY
from voucher_selection.domain.summaries import Outcome
from voucher_selection.domain.wording import number

type Status = Literal["counted", "counted_before", "refused", "held_back", "failed"]

_COUNTED_BEFORE = "An object of this name with this content was counted before: it counts once."
_GONE = "It was no longer there when its run began."
_SUPERSEDED = "Superseded"
_AGAIN = "Drop it again when the cause is mended."


class RunRows(BaseModel):
    """The rows of all files of a run: those read, those that count, those that break a rule, and the others."""

    model_config = ConfigDict(frozen=True)

    files: int
    rows_read: int
    kept: int
    rejected: int
    other_country: int

    def __str__(self) -> str:
        """Return the rows in words."""
        files = "this file alone" if self.files == 1 else f"{number(self.files)} files"
        return (
            f"Its run read {number(self.rows_read)} rows of {files}: {number(self.kept)} kept,"
            f" {number(self.rejected)} rejected, {number(self.other_country)} of other countries."
        )


class InboxResult(BaseModel):
    """What became of an object that was dropped into the inbox."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="The object's name below `inbox/`")
    status: Status = Field(
        description="`counted`; `counted_before`, by an earlier run; `refused`: the file cannot be used; `held_back`: a"
        " person decides; `failed`: drop it again"
    )
    message: str = Field(description="The same in words; for a file that is not counted, why and what to do")
    error: str | None = Field(description="The name of the error, like `WrongSchema`; null if it was counted")
    run_id: str | None = Field(description="The run; null if none was needed")
    version: str | None = Field(description="The version of the model that counts it; null if it is not counted")
    rows: int | None = Field(description="The file's rows; null if they were not read")
    run: RunRows | None = Field(description="The rows of the run that counted it; null if it is not counted")
    etag: str = Field(description="The object's ETag in S3, which tells its content")
    size: int = Field(description="The object's size in bytes")
    dropped_at: AwareDatetime = Field(description="When S3 got the object")
    settled_at: AwareDatetime = Field(description="When this was written")

    @property
    def dropped(self) -> Dropped:
        """The object."""
        return Dropped(name=self.name, etag=self.etag, size=self.size, dropped_at=self.dropped_at)

    @classmethod
    def refused(cls, found: Refused, now: datetime) -> Self:
        """Return the result of an object that no run can take."""
        return cls._of(found.dropped, _Verdict("refused", found.message, found.error), now)

    @classmethod
    def _of(cls, dropped: Dropped, verdict: "_Verdict", now: datetime, **facts: Any) -> Self:  # noqa: ANN401 - checked
        nothing = {"run_id": None, "version": None, "rows": None, "run": None}
        return cls(**dropped.model_dump(), **verdict._asdict(), settled_at=now, **nothing | facts)


class _Verdict(NamedTuple):
    status: Status
    message: str
    error: str | None = None


def result_key(name: str) -> str:
    """Return where the result of an object of this name is; below a digest if the name is too long for a key.

    Examples
    --------
    >>> result_key("monday/a.csv")
    'inbox-results/monday/a.csv.json'
    """
    key = f"{INBOX_RESULTS}/{name}.json"
    return key if len(key.encode()) <= LONGEST_KEY else f"{INBOX_RESULTS}/{sha256(name.encode()).hexdigest()}.json"


class Settlement(NamedTuple):
    """What became of the files of a run: the results of those that need no other run, and what follows."""

    results: list[InboxResult]
    what_next: Next


def settlement(batch: Batch, ending: Ending, plan: HistoryPlan | None, folder: str, now: datetime) -> Settlement:
    """Return what became of the files of a run that has ended; `folder` is the inbox's address.

    The plan shows which files cannot be used. They are settled whatever became of the run, and no other run tries them.
    """
    planned = _planned(plan, folder) if plan else {}
    refused = {each.name: fault for each in batch.files if plan and (fault := _fault_in(planned.get(each.name)))}
    tried = batch.model_copy(update={"files": tuple(each for each in batch.files if each.name not in refused)})
    what_next = following(tried, ending) if tried.files else Next(settled=True, waiting=batch.waiting)
    verdicts = dict(refused)
    if what_next.settled:
        verdicts |= {each.name: _verdict(tried, ending, planned.get(each.name)) for each in tried.files}
    results = [
        InboxResult._of(
            each,
            verdicts[each.name],
            now,
            run_id=batch.run_id,
            **_numbers(verdicts[each.name], planned.get(each.name), ending.record),
        )
        for each in batch.files
        if each.name in verdicts
    ]
    return Settlement(results, what_next)


type _Planned = SourceFile | UnusableSource | KnownFile


def _planned(plan: HistoryPlan, folder: str) -> dict[str, _Planned]:
    """Return what a plan knows of each file, by its name: it is read, it cannot be used, or it was counted before."""
    planned: tuple[_Planned, ...] = (*plan.known, *plan.unusable, *plan.files)
    return {each.source.removeprefix(folder): each for each in planned}


def _fault_in(planned: _Planned | None) -> _Verdict | None:
    if planned is None:
        return _Verdict("refused", _GONE, SourceNotFound.__name__)
    return _Verdict("refused", planned.message, planned.error) if isinstance(planned, UnusableSource) else None


def _verdict(batch: Batch, ending: Ending, planned: _Planned | None) -> _Verdict:
    if ending.error or ending.is_superseded:
        return _of_a_failure(batch, ending)
    if isinstance(planned, SourceFile) and ending.record.get("outcome") == Outcome.PUBLISHED:
        rows = _rows_of(ending.record) or ""
        return _Verdict("counted", f"Its {number(planned.rows)} rows are counted. {rows}".rstrip())
    return _Verdict("counted_before", _COUNTED_BEFORE)


def _numbers(verdict: _Verdict, planned: _Planned | None, record: Mapping[str, Any]) -> dict[str, Any]:
    rows = {"rows": planned.rows} if isinstance(planned, SourceFile) else {}
    if verdict.status != "counted":
        return rows
    return rows | {"version": record.get("version"), "run": _rows_of(record)}


def _of_a_failure(batch: Batch, ending: Ending) -> _Verdict:
    error = ending.error or _SUPERSEDED
    if error in HELD_BACK:
        how = " --overlap replace (or add)" if error == DeliveryOverlaps.__name__ else ""
        approve = f"./quickstart approve {batch.run_id}{how}, or the button on the run's page"
        return _Verdict("held_back", f"{ending.message.rstrip('.')}. To publish it as it is: {approve}.", error)
    if is_of_the_files(ending):
        return _Verdict("refused", ending.message, error)
    times = "once" if batch.attempt == 1 else f"{batch.attempt} times"
    return _Verdict("failed", f"It was tried {times}, the last time: {ending.message or error}. {_AGAIN}", error)


def _rows_of(record: Mapping[str, Any]) -> RunRows | None:
    rows = record.get("rows")
    if not isinstance(rows, Mapping):
        return None
    return RunRows(
        files=record["files"],
        rows_read=rows["rows_read"],
        kept=rows["kept"],
        rejected=sum(rows["rejected"].values()),
        other_country=rows["other_country"],
    )
