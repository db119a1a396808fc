"""Windows: the days of assignment that a model is made from."""

import re
from datetime import date
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from voucher_selection.domain.dates import IsoDate

_LONGEST = 36_500  # days
_BETWEEN = re.compile(r"(?P<first>\S*)\s*\.\.\s*(?P<last>\S*)")
_LAST = re.compile(r"(?:last\s+)?(?P<days>\d{1,5})(?:\s*d(?:ays)?)?", re.ASCII)
_EXPECTED = "expected days like 2018-06-01..2018-07-31, a number of days like 90, or all"


class Window(BaseModel):
    """The days of assignment that a model is made from: from one day to another, or the last days up to CUR_DATE.

    A window of the last days slides with CUR_DATE. Both bounds belong to the window, and either may be left out.
    `"all"`, or a window without bounds, also has the rows without a day; any other window has none of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)

    first: Annotated[IsoDate | None, Field(alias="from", description="The first day")] = None
    last: Annotated[IsoDate | None, Field(alias="to", description="The last day")] = None
    last_days: Annotated[
        int | None, Field(ge=1, le=_LONGEST, strict=True, description="This many days, up to and with CUR_DATE")
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _all(cls, given: Any) -> Any:  # noqa: ANN401 - any JSON
        return {} if given == "all" else given

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
        """The window as people write it, for `parse`."""
        if self.last_days is not None:
            return str(self.last_days)
        return "all" if self.is_all else f"{self.first or ''}..{self.last or ''}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a window as people write it.

        Raises
        ------
        ValueError
            The text is neither two days, nor a number of days, nor `all`; pydantic's error where a day is invalid.

        Examples
        --------
        >>> str(Window.parse("2018-06-01..2018-07-31")), str(Window.parse("90"))
        ('2018-06-01 to 2018-07-31', 'the last 90 days')
        """
        stripped = text.strip()
        if stripped in {"", "all"}:
            return cls()
        if found := _LAST.fullmatch(stripped):
            return cls(last_days=int(found["days"]))
        if found := _BETWEEN.fullmatch(stripped):
            return cls.model_validate({"from": found["first"] or None, "to": found["last"] or None})
        raise ValueError(f"{_EXPECTED}, got {text[:40]!r}")


ALL_DAYS = Window()
"""The window of a model that is made from all assignments."""
