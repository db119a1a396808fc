"""The answer to a search for the best ranges of a measure, as a JSON document. No NumPy, for the API."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from voucher_selection.contract.limits import MOST_RANGES
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model_document import Amount
from voucher_selection.domain.quality_document import Share
from voucher_selection.domain.segments import Segmentation


class RangeMode(BaseModel):
    """The amount that a country used most in a range. Without support, the amount and its share are null."""

    country_code: str
    voucher_amount: Amount | None
    support: Annotated[int, Field(ge=0)]
    share: Share | None


class BestRange(BaseModel):
    """A range. Both bounds belong to it; `upper` is null for the last range, which is open upwards."""

    segment: str
    lower: int
    upper: int | None
    support: Annotated[int, Field(ge=1, description="The assignments of all named countries")]
    modes: list[RangeMode]


class LastMonth(BaseModel):
    """The last month's assignments, tested with the ranges and modes that are found on the days before it.

    CUR_DATE is then the first day of the month. `agreement` is null if no assignment is in a range.
    """

    month: Annotated[str, Field(examples=["2018-07"])]
    tested: Annotated[int, Field(ge=0, description="The month's assignments that are in a range")]
    agreement: Share | None
    definition: Annotated[Segmentation, Field(description="The ranges found on the days before the month")]


class RangesFound(BaseModel):
    """The best ranges of at most a number. Of ranges that are equally good: fewer, then smaller bounds."""

    most_ranges: Annotated[int, Field(ge=1, le=MOST_RANGES)]
    ranges: list[BestRange]
    reproduced: Annotated[int, Field(ge=0, description="The assignments that have the mode of their range and country")]
    agreement: Share
    last_month: Annotated[LastMonth | None, Field(description="Null without earlier days, or too few assignments then")]
    definition: Annotated[Segmentation, Field(description="The ranges as a what-if and a remodel take them")]


class BestRanges(BaseModel):
    """The best ranges of a measure for some countries, for each number of ranges from 1."""

    measure: Measure
    countries: list[str]
    cur_date: date
    least_support: int
    support: Annotated[int, Field(ge=1, description="The countries' assignments that have the measure")]
    found: list[RangesFound]
