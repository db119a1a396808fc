"""How good a model is, as a JSON document: agreement, backtests, and amounts over time. No NumPy, for the API."""

from typing import Annotated, TypedDict

from pydantic import Field

from voucher_selection.domain.changes import Cause
from voucher_selection.domain.model_document import Amount, Assignments

MOST_AMOUNTS = 8
"""So many amounts are listed of a month; the others are counted."""
Share = Annotated[float, Field(ge=0, le=1, description="A share of assignments, from 0 to 1")]


class Agreement(TypedDict):
    """The shares of a segmentation's assignments that the modes and the country's one amount reproduce.

    Both are null without support.
    """

    support: Annotated[int, Field(ge=0, description="The assignments that are in a segment")]
    segments: Share | None
    country: Share | None


class BacktestMonth(TypedDict):
    """A month's assignments, tested with a model of the days before the month; CUR_DATE is the first day of the month.

    Both shares are null if no assignment is in a segment.
    """

    month: Annotated[str, Field(examples=["2018-06"])]
    tested: Annotated[int, Field(ge=0, description="The month's assignments that are in a segment")]
    segments: Share | None
    country: Share | None
    unanswered: Annotated[int, Field(ge=0, description="Those whose segment has no assignment before the month")]


class AmountsOfMonth(TypedDict):
    """The amounts of a month with assignments. `change` is null if the amount used most is that of the month before.

    The month before is the last one that has assignments.
    """

    month: Annotated[str, Field(examples=["2018-06"])]
    support: Annotated[int, Field(ge=1)]
    voucher_amount: Amount
    amounts: Annotated[list[Assignments], Field(description=f"At most {MOST_AMOUNTS}, the one used most first")]
    others: Annotated[int, Field(ge=0, description="The assignments of all other amounts")]
    change: Cause | None


class SegmentOverTime(TypedDict):
    """The months of a segment that have assignments, in order."""

    segment: str
    months: list[AmountsOfMonth]


class AmountsOfCountryMonth(AmountsOfMonth):
    """The amounts of a country's month. A change is a shift if it is one between the segments of any segmentation."""

    shift_between: Annotated[list[str], Field(description="The segmentations between whose segments it is a shift")]


class SegmentationQuality(TypedDict):
    """How good a segmentation is for a country. What is used most need not work best: this describes what was given."""

    country_code: str
    segment_name: str
    agreement: Agreement
    backtest: list[BacktestMonth]
    over_time: list[SegmentOverTime]


class CountryOverTime(TypedDict):
    """The amounts of a country, by month."""

    country_code: str
    months: list[AmountsOfCountryMonth]


class Quality(TypedDict):
    """How good a model is, for each country and segmentation; from counts alone."""

    segmentations: Annotated[list[SegmentationQuality], Field(description="By country, then as they are defined")]
    countries: list[CountryOverTime]


def last_months(quality: Quality, months: int) -> Quality:
    """Return the document with at most so many months in each list, the last ones."""

    def last[Month](of_all: list[Month]) -> list[Month]:
        return of_all[max(len(of_all) - months, 0) :]

    return {
        "segmentations": [
            {
                **found,
                "backtest": last(found["backtest"]),
                "over_time": [{**segment, "months": last(segment["months"])} for segment in found["over_time"]],
            }
            for found in quality["segmentations"]
        ],
        "countries": [{**found, "months": last(found["months"])} for found in quality["countries"]],
    }
