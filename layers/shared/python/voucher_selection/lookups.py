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

# The field of a request that each measure is taken from.
_FIELD_OF = {Measure.TOTAL_ORDERS: "total_orders", Measure.DAYS_SINCE_LAST_ORDER: "last_order_ts"}


class InvalidLookup(VoucherSelectionError):
    """Fields of a lookup that cannot be used; `problems` has one entry per field."""

    def __init__(self, problems: list[FieldProblem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


def _none_if_blank(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _timestamp(value: object) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"expected a date or time as text, like 2018-05-03 18:00:00, got {str(value)[:80]}")  # noqa: TRY004 - pydantic reports ValueErrors
    return timestamp_from_text(value.strip())


def _orders(value: object) -> int | None:
    return None if value is None else whole_number(value)


Text = Annotated[StrictStr, StringConstraints(min_length=1, max_length=128, strip_whitespace=True)]
Timestamp = Annotated[datetime | None, BeforeValidator(_timestamp), BeforeValidator(_none_if_blank)]
Orders = Annotated[int | None, BeforeValidator(_orders), BeforeValidator(_none_if_blank)]


class LookupRequest(BaseModel):
    """The body of `POST /voucher`; keys beyond these are ignored.

    `segment_name` is the segmentation; the measure it splits by must be there (`total_orders`, or `last_order_ts`), the
    others are checked if they are. Times without an offset are UTC.
    """

    model_config = ConfigDict(frozen=True)

    customer_id: StrictInt | Annotated[StrictStr, StringConstraints(max_length=128)] | None = None
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
    if request.segment_name not in model.definitions.names:
        known = ", ".join(model.definitions.names)
        raise InvalidLookup([FieldProblem("segment_name", f"expected one of {known}, got {request.segment_name!r}")])
    last_order = request.last_order_ts and request.last_order_ts.date()
    value = model.measure(request.segment_name, request.total_orders, last_order)
    if value is None:
        field = _FIELD_OF[model.definitions[request.segment_name].measure]
        raise InvalidLookup([FieldProblem(field, f"{request.segment_name} needs it")])
    mode = model.mode_for(request.country_code, request.segment_name, value)
    return {
        "voucher_amount": mode.voucher_amount,
        "customer_id": request.customer_id,
        "country_code": mode.country_code,
        "segment_name": mode.segment_name,
        "segment": mode.segment,
        "support": mode.support,
        "share": mode.share,
        "model": {"version": model.version, "cur_date": model.cur_date.isoformat()},
    }


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
