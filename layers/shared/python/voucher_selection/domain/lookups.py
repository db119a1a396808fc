"""Lookups: from a campaign's data about a customer to the amount that the customer should get."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, NamedTuple, Self, TypedDict, cast, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)

from voucher_selection.contract.lookups import FallbackTo
from voucher_selection.domain.errors import NoSegment, NoSupport, UnknownCountry, VoucherSelectionError
from voucher_selection.domain.fallbacks import ONLY_SEGMENTS, Basis, Fallback
from voucher_selection.domain.formats import (
    LARGEST_WHOLE,
    NULL_PATTERN,
    NUMBER_PATTERN,
    TIMESTAMP_PATTERN,
    is_null,
    timestamp_from_text,
    whole_number,
)
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import CountryMode, Model, SegmentMode
from voucher_selection.domain.model_document import Amount, ServedBy, served_by
from voucher_selection.domain.segments import Segmentation
from voucher_selection.domain.validation import FieldProblem, field_problems

LONGEST_ID = 128
LONGEST_TEXT = 128


class InvalidLookup(VoucherSelectionError):
    """A lookup has invalid fields; `problems` has one entry per field."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


CODES: dict[type[VoucherSelectionError], str] = {
    InvalidLookup: "invalid_request",
    UnknownCountry: "unknown_country",
    NoSegment: "no_segment",
    NoSupport: "no_support",
}
"""Codes for the problems of a lookup: the same in the API's answers and in a file of amounts."""


def _timestamp(value: object, info: ValidationInfo) -> datetime | None:
    if _means_null(value):
        return None
    if not isinstance(value, str):
        raise ValueError(f"expected a date or time as text, like 2018-05-03 18:00:00, got {str(value)[:80]}")  # noqa: TRY004 - pydantic reports ValueErrors
    return timestamp_from_text(value, (info.context or {}).get("time_zone", "UTC"))


def _orders(value: object) -> int | None:
    return None if _means_null(value) else whole_number(value)


def _least_support(value: object) -> int | None:
    if _means_null(value):
        return None
    least = whole_number(value)
    if least < 1:
        raise ValueError(f"expected a whole number of at least 1, got {str(value)[:80]}")
    return least


def _unless_blank(value: object) -> object:
    """Return None for blank text, which a form sends. `none` is no null here: it asks for no fallback."""
    return None if isinstance(value, str) and not value.strip() else value


def _means_null(value: object) -> bool:
    return value is None or (isinstance(value, str) and is_null(value))


Text = Annotated[StrictStr, StringConstraints(min_length=1, max_length=LONGEST_TEXT, strip_whitespace=True)]


def _spaced(pattern: str) -> dict[str, str]:
    return {"type": "string", "pattern": rf"^\s*({pattern})\s*$"}


# The readers above accept more than the types that they return: the schemas describe what they accept.
_NULLS = [_spaced(NULL_PATTERN), {"type": "null"}]
_BLANKS = [_spaced(""), {"type": "null"}]
Timestamp = Annotated[
    datetime | None,
    BeforeValidator(_timestamp),
    WithJsonSchema({"anyOf": [_spaced(TIMESTAMP_PATTERN), *_NULLS]}),
]
Orders = Annotated[
    int | None,
    BeforeValidator(_orders),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": LARGEST_WHOLE},
                _spaced(NUMBER_PATTERN),
                *_NULLS,
            ]
        }
    ),
]
AskedFallback = Annotated[
    FallbackTo | None,
    BeforeValidator(_unless_blank),
    WithJsonSchema({"anyOf": [{"type": "string", "enum": [*get_args(FallbackTo.__value__)]}, *_BLANKS]}),
]
LeastSupport = Annotated[
    int | None,
    BeforeValidator(_least_support),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": LARGEST_WHOLE},
                _spaced(NUMBER_PATTERN),
                *_NULLS,
            ]
        }
    ),
]


def _required_for(field: str) -> str:
    """Return when a field is required, in words."""
    needs = " or ".join(measure.needs for measure in Measure if measure.field == field)
    return f"Required without a fallback where the segmentation splits by {needs}"


_OF_TIME_ZONE = "A time without an offset is in the model's time zone"


class LookupRequest(BaseModel):
    """The body of `POST /voucher`; other keys are ignored.

    `segment_name` is the segmentation. The field that its measure is computed from is required without a `fallback`;
    other fields are checked if present. Times are wall-clock times of the model's time zone: a
    time with an offset is converted to it. Contradictions are rejected, as in a history: a last order before the first,
    or order dates without orders.
    """

    model_config = ConfigDict(frozen=True)

    customer_id: Annotated[
        StrictInt | Annotated[StrictStr, StringConstraints(max_length=LONGEST_ID)] | None,
        Field(description="Returned unchanged"),
    ] = None
    country_code: Annotated[Text, Field(description="As in the history, in any case")]
    segment_name: Annotated[Text, Field(description="A segmentation of the model, like recency_segment")]
    total_orders: Annotated[Orders, Field(description=_required_for("total_orders"))] = None
    last_order_ts: Annotated[Timestamp, Field(description=f"{_required_for('last_order_ts')}. {_OF_TIME_ZONE}")] = None
    first_order_ts: Annotated[Timestamp, Field(description=f"{_required_for('first_order_ts')}. {_OF_TIME_ZONE}")] = (
        None
    )
    fallback: Annotated[
        AskedFallback,
        Field(
            description="`country`: the amount used most in the country answers customers in no segment, or in one with"
            " less support than `least_support`; `none`: only segments answer; null: the stage's default"
        ),
    ] = None
    least_support: Annotated[
        LeastSupport,
        Field(
            description="The least support of an answer, 1 or more; null: the stage's default. Has no effect without a"
            " fallback"
        ),
    ] = None

    @classmethod
    def parse(cls, fields: object, time_zone: str = "UTC") -> Self:
        """Read the fields of a request, from JSON or from a form; `time_zone` is that of the model.

        Raises
        ------
        InvalidLookup
            Has an entry for every invalid field.

        Examples
        --------
        >>> fields = {"country_code": "Peru", "segment_name": "frequent_segment", "total_orders": "15.0"}
        >>> LookupRequest.parse(fields).total_orders
        15
        """
        try:
            request = cls.model_validate(fields, context={"time_zone": time_zone})
        except ValidationError as error:
            # A union reports a problem per branch; a caller needs one per field.
            by_field = {problem.field.partition(".")[0]: problem for problem in field_problems(error)}
            raise InvalidLookup([problem._replace(field=field) for field, problem in by_field.items()]) from error
        if contradictions := list(request._contradictions()):
            raise InvalidLookup(contradictions)
        return request

    def _contradictions(self) -> Iterator[FieldProblem]:
        """Yield both fields of each contradiction that would also break a cleaning rule."""
        first, last = self.first_order_ts, self.last_order_ts
        dates = {name: moment for name, moment in (("last_order_ts", last), ("first_order_ts", first)) if moment}
        if self.total_orders == 0 and dates:
            yield FieldProblem("total_orders", f"expected at least 1 with {' and '.join(dates)}, got 0")
            for field, moment in dates.items():
                yield FieldProblem(field, f"expected null with total_orders 0, got {moment}")
        elif last is not None and first is not None and last < first:
            yield FieldProblem("last_order_ts", f"expected a time at or after first_order_ts, {first}, got {last}")
            yield FieldProblem("first_order_ts", f"expected a time at or before last_order_ts, {last}, got {first}")


class Voucher(TypedDict):
    """The amount that a customer should get, and what it rests on."""

    voucher_amount: Amount
    customer_id: int | str | None
    country_code: str
    segment_name: Annotated[str, Field(description="The segmentation")]
    segment: Annotated[str | None, Field(description="The customer's segment in this segmentation; null: in none")]
    basis: Annotated[
        Basis, Field(description="What the amount rests on: the customer's segment, or the country as the fallback")
    ]
    support: Annotated[int, Field(ge=1, description="How many kept assignments the segment, or the country, has")]
    share: Annotated[float, Field(gt=0, le=1, description="The share of these assignments that have this amount")]


class VoucherAnswer(Voucher):
    """The answer of `POST /voucher`."""

    model: ServedBy


class Found(NamedTuple):
    """The mode that answers a customer, and the measured value that decided it: None if the customer has none."""

    segmentation: Segmentation
    value: int | None
    mode: SegmentMode | CountryMode

    @property
    def segment(self) -> str | None:
        """The customer's segment, whether it answers or not; None: in none."""
        if isinstance(self.mode, SegmentMode):
            return self.mode.segment
        return None if self.value is None else self.segmentation.segment_for(self.value)


def look_up(model: Model, request: LookupRequest, fallback: Fallback = ONLY_SEGMENTS) -> VoucherAnswer:
    """Return the answer to a lookup, as `POST /voucher` returns it.

    Parameters
    ----------
    fallback
        That of the stage, for what the request does not name.

    Raises
    ------
    InvalidLookup
        The model does not have the segmentation; or there is no fallback, and the request lacks the field that the
        segmentation splits by.
    UnknownCountry, NoSegment, NoSupport
        The model has no amount for this customer.
    """
    return {**voucher_for(model, request, fallback), "model": served_by(model)}


def voucher_for(model: Model, request: LookupRequest, fallback: Fallback = ONLY_SEGMENTS) -> Voucher:
    """Return the answer to a lookup without its `model`; raises the same errors as `look_up`."""
    found = find(model, request, fallback)
    mode = found.mode
    # `find` returns only modes with support, so both are numbers.
    return {
        "voucher_amount": cast("float", mode.voucher_amount),
        "customer_id": request.customer_id,
        "country_code": mode.country_code,
        "segment_name": found.segmentation.name,
        "segment": found.segment,
        "basis": mode.basis,
        "support": mode.support,
        "share": cast("float", mode.share),
    }


def find(model: Model, request: LookupRequest, fallback: Fallback = ONLY_SEGMENTS) -> Found:
    """Return the mode that answers a customer, with what decided it; raises the same errors as `look_up`."""
    segmentation = model.segmentations.get(request.segment_name)
    if segmentation is None:
        known = ", ".join(model.segmentations)
        raise InvalidLookup([FieldProblem("segment_name", f"expected one of {known}, got {request.segment_name!r}")])
    field = segmentation.measure.field
    value = segmentation.measure.of_customer(request, model.cur_date)
    least_support = fallback.least_for(request.fallback, request.least_support)
    if value is None and least_support is None:
        raise InvalidLookup([FieldProblem(field, f"{segmentation.name} needs it")])
    mode = model.mode_for(request.country_code, segmentation.name, value, least_support)
    return Found(segmentation, value, mode)
