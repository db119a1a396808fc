"""When vouchers were given: the kept rows of a run or of a model by month of assignment."""

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict

from voucher_selection.domain.measures import Measure

if TYPE_CHECKING:
    from voucher_selection.domain.counts import Counts

# Ten years. Wrong clocks can spread few rows over thousands of months.
_MOST_MONTHS = 120


class AssignedOn(BaseModel):
    """The kept rows by day of assignment: `months`, `other_months` and `undated` add up to them.

    Attributes
    ----------
    months
        The rows of each month, such as `2018-07`, in their order; of more than 120 months, the most frequent ones.
    other_months
        The rows of all other months.
    days
        The first and the last day; None if no row has a day.
    undated
        The rows without a day, because their `timestamp` is missing. They are in no window.
    before_last_order
        The rows whose last order is after the day of assignment. Customers have ordered since, or a clock was wrong.
    """

    model_config = ConfigDict(frozen=True)

    months: dict[str, int] = {}
    other_months: int = 0
    days: tuple[date, date] | None = None
    undated: int = 0
    before_last_order: int = 0

    @classmethod
    def of(cls, counts: "Counts") -> Self:
        """Read off counts when their rows were given."""
        rows = counts.days()
        days = {day.assigned_on for day in rows}
        months = Counter[str]()
        for day, number in rows.items():
            months[day.assigned_on.isoformat()[:7]] += number
        shown = dict(sorted(months.most_common(_MOST_MONTHS)))
        when_given = counts.of_measure(Measure.DAYS_SINCE_LAST_ORDER_WHEN_GIVEN)
        return cls(
            months=shown,
            other_months=months.total() - sum(shown.values()),
            days=(min(days), max(days)) if days else None,
            undated=counts.assignments - months.total(),
            before_last_order=int(when_given["rows"].to_numpy()[when_given["value"].to_numpy() < 0].sum()),
        )


def assigned_of(summary: Mapping[str, object]) -> AssignedOn | None:
    """Read when the rows of a run were given from its summary; None if an older version wrote it."""
    found = summary.get("assigned_on")
    return None if found is None else AssignedOn.model_validate(found)
