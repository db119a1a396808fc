"""Types for dates in requests and settings: one ISO 8601 date, or a list of placeholder dates."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from voucher_selection.contract.limits import MOST_NULL_DATES
from voucher_selection.domain.formats import date_from_text


def _iso_date(value: object) -> date | None:
    if value is None or type(value) is date:
        return value
    return date_from_text(value if isinstance(value, str) else str(value))


def _at_most(dates: tuple[date, ...]) -> tuple[date, ...]:
    if len(dates) > MOST_NULL_DATES:
        raise ValueError(f"expected at most {MOST_NULL_DATES} dates, got {len(dates):,}")
    return tuple(sorted(set(dates)))


IsoDate = Annotated[date, BeforeValidator(_iso_date)]
NullDates = Annotated[tuple[IsoDate, ...], AfterValidator(_at_most)]
