"""The model as a JSON document: its identity, and every segment and country with its mode, for the API and what-ifs."""

from typing import Annotated, Any, NotRequired, TypedDict

from pydantic import Field

from voucher_selection.domain.model import CountryMode, Mode, Model, SegmentMode, Version

Day = Annotated[str, Field(json_schema_extra={"format": "date"})]
Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Amount = Annotated[float, Field(description="A voucher amount, in the country's currency")]
Next = Annotated[
    str,
    Field(description="The query of the next part, of the same version; only if the answer is too large for one part"),
]


class ServedBy(TypedDict):
    """The model that an answer comes from."""

    version: str
    cur_date: Annotated[Day, Field(description="Days since the last order are counted up to this date")]


class ModelFacts(ServedBy):
    """The identity of a model."""

    published_at: Moment
    run_id: str
    window: Annotated[dict[str, Any], Field(description="The days of assignment that it is made from; empty: all")]


class Assignments(TypedDict):
    """An amount, and how many assignments have it."""

    voucher_amount: Amount
    count: Annotated[int, Field(ge=1)]


class OtherAmounts(TypedDict):
    """The amounts that an answer does not list: how many, and how many assignments have one of them."""

    amounts: Annotated[int, Field(ge=1)]
    assignments: Annotated[int, Field(ge=1)]


class CountryAnswer(TypedDict):
    """A country with the mode of all its kept assignments (null without support), which a lookup's fallback answers."""

    country_code: str
    voucher_amount: Amount | None
    support: Annotated[int, Field(ge=0)]
    share: float | None
    assignments: Annotated[list[Assignments], Field(description="Every amount, the one used most first")]
    others: NotRequired[
        Annotated[
            OtherAmounts,
            Field(description="Only in a what-if that is too large for one answer: amounts that are not listed"),
        ]
    ]


class SegmentAnswer(CountryAnswer):
    """A segment with its mode (null without support). Both bounds belong to the segment; a null bound is open."""

    segment_name: str
    segment: str
    lower: int | None
    upper: int | None


class Criteria(TypedDict):
    """Every segment and country of a model; `country_modes` is empty for a model that an older version made."""

    model: ModelFacts
    segments: list[SegmentAnswer]
    country_modes: list[CountryAnswer]


class SelectionCriteria(Criteria):
    """The answer of `GET /selection_criteria`; `country_modes` is empty for a model that an older version made."""

    next: NotRequired[Next]


def served_by(model: Version) -> ServedBy:
    """Return the part of an answer that names its model."""
    return {"version": model.version, "cur_date": model.cur_date.isoformat()}


def selection_criteria(model: Model) -> Criteria:
    """Return every segment and country of the model with its mode, as `GET /selection_criteria` returns it."""
    return {
        "model": model_facts(model),
        "segments": [_segment(mode) for mode in model.modes],
        "country_modes": [_country(mode) for mode in model.country_modes],
    }


def _segment(mode: SegmentMode) -> SegmentAnswer:
    return {
        "country_code": mode.country_code,
        "segment_name": mode.segment_name,
        "segment": mode.segment,
        "lower": mode.lower,
        "upper": mode.upper,
        "voucher_amount": mode.voucher_amount,
        "support": mode.support,
        "share": mode.share,
        "assignments": _assignments(mode),
        **_others(mode),
    }


def _country(mode: CountryMode) -> CountryAnswer:
    return {
        "country_code": mode.country_code,
        "voucher_amount": mode.voucher_amount,
        "support": mode.support,
        "share": mode.share,
        "assignments": _assignments(mode),
        **_others(mode),
    }


def _assignments(mode: Mode) -> list[Assignments]:
    return [{"voucher_amount": assignment.voucher_amount, "count": assignment.count} for assignment in mode.assignments]


class _Unlisted(TypedDict):
    others: NotRequired[OtherAmounts]


def _others(mode: Mode) -> _Unlisted:
    """Return what a mode does not list; nothing if it lists all its amounts."""
    amounts, assignments = mode.others
    return {"others": {"amounts": amounts, "assignments": assignments}} if amounts else {}


def model_facts(model: Version) -> ModelFacts:
    """Return the identity of a model."""
    return {
        **served_by(model),
        "published_at": model.published_at.isoformat(),
        "run_id": model.run_id,
        "window": model.window.model_dump(mode="json", exclude_none=True),
    }
