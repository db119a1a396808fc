"""A lookup: from what a campaign knows of a customer to the amount the customer should get."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, StrictInt, StrictStr, StringConstraints, ValidationError

from voucher_selection.errors import VoucherSelectionError
from voucher_selection.formats import timestamp_from_text, whole_number
from voucher_selection.segments import Measure
from voucher_selection.served_model import ServedModel
from voucher_selection.validation import FieldProblem, field_problems

LONGEST_ID = 128
# The field of a request that each measure is taken from.
FIELD_OF = {Measure.TOTAL_ORDERS: "total_orders", Measure.DAYS_SINCE_LAST_ORDER: "last_order_ts"}


class InvalidLookup(VoucherSelectionError):
    """Fields of a lookup that cannot be used; `problems` has one entry per field."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def _timestamp(value: object) -> datetime | None:
    if _is_blank(value):
        return None
    if not isinstance(value, str):
        raise ValueError(f"expected a date or time as text, like 2018-05-03 18:00:00, got {str(value)[:80]}")  # noqa: TRY004 - pydantic reports ValueErrors
    return timestamp_from_text(value.strip())


def _orders(value: object) -> int | None:
    return None if _is_blank(value) else whole_number(value)


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


Text = Annotated[StrictStr, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
Timestamp = Annotated[datetime | None, BeforeValidator(_timestamp)]
Orders = Annotated[int | None, BeforeValidator(_orders)]


class LookupRequest(BaseModel):
    """The body of `POST /voucher`; keys beyond these are ignored.

    `segment_name` is the segmentation; the measure it splits by must be there (`total_orders`, or `last_order_ts`), the
    others are checked if they are. Times without an offset are UTC.
    """

    model_config = ConfigDict(frozen=True)

    customer_id: StrictInt | Annotated[StrictStr, StringConstraints(max_length=LONGEST_ID)] | None = None
    country_code: Text
    segment_name: Text
    total_orders: Orders = None
    last_order_ts: Timestamp = None
    first_order_ts: Timestamp = None

    @classmethod
    def parse(cls, fields: object) -> Self:
        """Read the fields of a request, from JSON or from a form.

        Raises
        ------
        InvalidLookup
            Has an entry for every field that cannot be used.
        """
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            # A union reports each of its branches; one entry per field is what a caller can act on.
            by_field = {problem.field.partition(".")[0]: problem for problem in field_problems(error)}
            raise InvalidLookup([problem._replace(field=field) for field, problem in by_field.items()]) from error


def look_up(model: ServedModel, request: LookupRequest) -> dict[str, Any]:
    """Return the answer to a lookup, as `POST /voucher` gives it.

    Raises
    ------
    InvalidLookup
        The model has no such segmentation, or the field that it splits by is not in the request.
    UnknownCountry, NoSegment, NoSupport
        The model has no amount for this customer.
    """
    return {**voucher_for(model, request), "model": served_by(model)}


def voucher_for(model: ServedModel, request: LookupRequest) -> dict[str, Any]:
    """Return the answer to a lookup without the model that it is from; raises what `look_up` does."""
    segmentation = model.segmentations.get(request.segment_name)
    if segmentation is None:
        known = ", ".join(model.segmentations)
        raise InvalidLookup([FieldProblem("segment_name", f"expected one of {known}, got {request.segment_name!r}")])
    last_order = request.last_order_ts and request.last_order_ts.date()
    value = model.measure(segmentation.name, request.total_orders, last_order)
    if value is None:
        raise InvalidLookup([FieldProblem(FIELD_OF[segmentation.measure], f"{segmentation.name} needs it")])
    mode = model.mode_for(request.country_code, segmentation.name, value)
    return {
        "voucher_amount": mode.voucher_amount,
        "customer_id": request.customer_id,
        "country_code": mode.country_code,
        "segment_name": mode.segment_name,
        "segment": mode.segment,
        "support": mode.support,
        "share": mode.share,
    }


def served_by(model: ServedModel) -> dict[str, str]:
    """Return what an answer says of the model that it is from."""
    return {"version": model.version, "cur_date": model.cur_date.isoformat()}


def selection_criteria(model: ServedModel) -> dict[str, Any]:
    """Return every segment of the model with its mode, as `GET /selection_criteria` gives it."""
    return {
        "model": model_facts(model),
        "segments": [
            {
                "country_code": mode.country_code,
                "segment_name": mode.segment_name,
                "segment": mode.segment,
                "lower": mode.lower,
                "upper": mode.upper,
                "voucher_amount": mode.voucher_amount,
                "support": mode.support,
                "share": mode.share,
                "assignments": [asdict(assignment) for assignment in mode.assignments],
            }
            for mode in model.modes
        ],
    }


def model_facts(model: ServedModel) -> Mapping[str, str]:
    """Return what identifies a model."""
    return {
        "version": model.version,
        "cur_date": model.cur_date.isoformat(),
        "published_at": model.published_at.isoformat(),
        "run_id": model.run_id,
    }
