"""The model as a document: what identifies it, and every segment with its mode, as the API and a what-if give them."""

from typing import Annotated, TypedDict

from pydantic import Field

from voucher_selection.domain.model import Model

Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Amount = Annotated[float, Field(description="A voucher amount, in the country's currency")]


class ServedBy(TypedDict):
    """The model that an answer is from."""

    version: str
    cur_date: Annotated[Day, Field(description="The date that days since the last order count up to")]


class ModelFacts(ServedBy):
    """What identifies a model."""

    published_at: Moment
    run_id: str


class Assignments(TypedDict):
    """How often an amount was given."""

    voucher_amount: Amount
    count: Annotated[int, Field(ge=1)]


class SegmentAnswer(TypedDict):
    """A segment with its mode: null without support. Both bounds belong to it; one that is null is open."""

    country_code: str
    segment_name: str
    segment: str
    lower: int | None
    upper: int | None
    voucher_amount: Amount | None
    support: Annotated[int, Field(ge=0)]
    share: float | None
    assignments: Annotated[list[Assignments], Field(description="Every amount, the one used most first")]


class SelectionCriteria(TypedDict):
    """The answer of `GET /selection_criteria`."""

    model: ModelFacts
    segments: list[SegmentAnswer]


def served_by(model: Model) -> ServedBy:
    """Return what an answer says of the model that it is from."""
    return {"version": model.version, "cur_date": model.cur_date.isoformat()}


def selection_criteria(model: Model) -> SelectionCriteria:
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
                "assignments": [
                    {"voucher_amount": assignment.voucher_amount, "count": assignment.count}
                    for assignment in mode.assignments
                ],
            }
            for mode in model.modes
        ],
    }


def model_facts(model: Model) -> ModelFacts:
    """Return what identifies a model."""
    return {
        "version": model.version,
        "cur_date": model.cur_date.isoformat(),
        "published_at": model.published_at.isoformat(),
        "run_id": model.run_id,
    }
