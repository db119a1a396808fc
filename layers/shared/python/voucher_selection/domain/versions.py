"""Names of the model's versions, which sort by the start of their runs."""

from datetime import UTC, datetime, timedelta

_MOMENT = "%Y%m%dT%H%M%S"


def version_of(moment: datetime, run_id: str) -> str:
    """Return the version of a run's model. Versions sort by `moment` (the run's start), to the millisecond.

    Examples
    --------
    >>> version_of(datetime(2018, 9, 15, 6, 0, tzinfo=UTC), "run-6f5b966c")
    '20180915T060000000Z-run-6f5b966c'
    """
    moment = moment.astimezone(UTC)
    return f"{moment:{_MOMENT}}{moment.microsecond // 1000:03d}Z-{run_id}"


def first_not_yet(now: datetime) -> str:
    """Return a text that sorts after every version that can exist by now; clocks may differ by a day."""
    return version_of(now + timedelta(days=1), "")


def is_version(text: str, now: datetime) -> bool:
    """Return whether a text is a version that can exist by now."""
    try:
        datetime.strptime(text.partition("Z-")[0] + "+0000", f"{_MOMENT}%f%z")
    except ValueError:
        return False
    return text < first_not_yet(now)


def version_after(earlier: str, version: str) -> str:
    """Return `version` if it sorts after `earlier`; else the first version of the same run that does."""
    if version > earlier:
        return version
    moment, run_id = earlier.partition("Z-")[0], version.partition("Z-")[2]
    of_earlier = datetime.strptime(f"{moment}+0000", f"{_MOMENT}%f%z")
    return version_of(of_earlier + timedelta(milliseconds=1), run_id)
