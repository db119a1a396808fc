"""Striking dates in words, for a program that has only the JSON of a summary."""

from collections.abc import Mapping
from typing import Any


def striking_date(found: Mapping[str, Any]) -> str:
    """Return a striking date (`StrikingDate` as JSON), as sentences with what to do about it."""
    return (
        f"{found['date']} is the {found['column']} of {found['rows']:,} rows"
        f" ({found['share']:.1%} of the countries' rows)."
        ' If it means "no date", name it in null_dates and run the whole history again.'
    )
