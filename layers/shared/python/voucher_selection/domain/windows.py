"""Windows: the days of assignment that a model is made from."""

import re
from datetime import date
from typing import Annotated, Any, Self, override

from pydantic import BaseModel, ConfigDict, Field, model_validator

from voucher_selection.domain.dates import IsoDate

_LONGEST = 36_500  # days
_BETWEEN = re.compile(r"(?P<first>\S*)\s*\.\.\s*(?P<last>\S*)")
_LAST = re.compile(r"(?:last\s+)?(?P<days>\d{1,5})(?:\s*d(?:ays)?)?", re.ASCII)
_EXPECTED = "expected days like 2018-06-01..2018-07-31, a number of days like 90, or all"


class Window(BaseModel):
    """The days of assignment that a model is made from: from one day to another, or the last days up to CUR_DATE.

    A window of the last days slides with CUR_DATE. Both bounds belong to the window, and either may be left out. It may
    be written as text: `2018-06-01..2018-07-31`, `90` (days) or `all`. Only all days also have the rows without a day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)

    first: Annotated[IsoDate | None, Field(alias="from", description="The first day")] = None
    last: Annotated[IsoDate | None, Field(alias="to", description="The last day")] = None
    last_days: Annotated[
        int | None, Field(ge=1, le=_LONGEST, strict=True, description="This many days, up to and with CUR_DATE")
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, given: Any) -> Any:  # noqa: ANN401 - any JSON
        return _bounds(given) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.last_days is not None and (self.first or self.last):
            raise ValueError("expected `from` and `to`, or `last_days`, got both")
        if self.first and self.last and self.last < self.first:
            raise ValueError(f"expected `to` at or after `from`, got {self.first} to {self.last}")
        return self

    @property
    def is_all(self) -> bool:
        """Whether the window leaves out no row."""
        return self == ALL_DAYS

    def days(self, cur_date: date) -> tuple[date, date]:
        """Return the first and the last day of the window at a CUR_DATE.

        Examples
        --------
        >>> Window(last_days=30).days(date(2018, 9, 15))
        (datetime.date(2018, 8, 17), datetime.date(2018, 9, 15))
        """
        if self.last_days is None:
            return self.first or date.min, self.last or date.max
        return date.fromordinal(max(cur_date.toordinal() - self.last_days + 1, 1)), cur_date

    def __str__(self) -> str:
        """Return the window in words: `2018-06-01 to 2018-07-31`, `the last 90 days`."""
        if self.last_days is not None:
            return "the last day" if self.last_days == 1 else f"the last {self.last_days:,} days"
        match self.first, self.last:
            case None, None:
                return "all days"
            case first, None:
                return f"from {first}"
            case None, last:
                return f"to {last}"
            case first, last:
                return f"{first} to {last}"

    @property
    def written(self) -> str:
        """The window as people write it.

        Examples
        --------
        >>> window = Window.model_validate("2018-06-01..2018-07-31")
        >>> str(window), window.written, Window(last_days=90).written
        ('2018-06-01 to 2018-07-31', '2018-06-01..2018-07-31', '90')
        """
        if self.last_days is not None:
            return str(self.last_days)
        return "all" if self.is_all else f"{self.first or ''}..{self.last or ''}"

    @classmethod
    @override
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any, /) -> Any:
        written = {"type": "string", "description": _EXPECTED}
        return {"anyOf": [handler.resolve_ref_schema(handler(core_schema)), written]}


def _bounds(text: str) -> dict[str, Any]:
    """Return the bounds in a text; raise `ValueError` if it has another form."""
    stripped = text.strip()
    if stripped == "all":
        return {}
    if found := _LAST.fullmatch(stripped):
        return {"last_days": int(found["days"])}
    if found := _BETWEEN.fullmatch(stripped):
        return {name: day for name, day in (("from", found["first"]), ("to", found["last"])) if day}
    raise ValueError(f"{_EXPECTED}, got {text[:40]!r}")


ALL_DAYS = Window()
"""The window of a model that is made from all assignments."""
