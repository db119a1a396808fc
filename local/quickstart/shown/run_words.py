"""Facts of a run in words for the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from voucher_selection.domain.other_countries import OtherCountry, listed
from voucher_selection.domain.striking_sentences import striking_date
from voucher_selection.domain.wording import assigned, duration

if TYPE_CHECKING:
    from voucher_selection.api.run_reports import RunReport


def took(run: "RunReport") -> str:
    """Return how long a run took and, if it read rows, how many in a second of all that time."""
    rows = run["rows"]["rows_read"] if run["rows"] else 0
    return duration(run["seconds"]) + (f", {rows / run['seconds']:,.0f} rows/s" if rows and run["seconds"] else "")


def other_countries(summary: Mapping[str, Any]) -> list[OtherCountry]:
    """Return the rows of other countries by name; none in older summaries."""
    rows = summary["rows"]
    return listed(rows.get("other_countries", {}), rows["other_country"], summary.get("countries", ()))


def given_words(summary: Mapping[str, Any]) -> str:
    """Return when the kept rows were given, in words; empty if there are none, or in older summaries."""
    return assigned(summary.get("assigned_on") or {})


def striking_words(summary: Mapping[str, Any]) -> list[str]:
    """Return the striking dates of a run as sentences; none in older summaries."""
    return [striking_date(found) for found in summary.get("striking_dates", ())]
