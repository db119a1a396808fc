"""The model as a document from which anyone can answer lookups: `docs/how-to/use-the-model-offline.md` reads it.

It has as data all that an answer of `POST /voucher` depends on: the modes, the segments, the stage's fallback, and the
texts that a lookup accepts. Each country has its modes in the order of the segments, so that no name is repeated: the
largest model fits into one answer.
"""

from typing import Annotated, Literal, TypedDict

from pydantic import Field

from voucher_selection.contract.lookups import FallbackTo
from voucher_selection.domain.fallbacks import ONLY_SEGMENTS, Fallback
from voucher_selection.domain.formats import LARGEST_WHOLE, NULL_PATTERN, NUMBER_PATTERN, TIMESTAMP_PATTERN
from voucher_selection.domain.lookups import LONGEST_ID, LONGEST_TEXT
from voucher_selection.domain.measures import Bound
from voucher_selection.domain.model import Mode, Model
from voucher_selection.domain.model_document import Amount, ServedBy, served_by
from voucher_selection.domain.segments import Segmentation

FORMAT = 1
"""The version of the document's form: a reader of one form refuses any other."""

# Unicode's white space, which pydantic takes away around texts. Python's `str.strip` also takes away four separators.
_SPACES = r"\t-\r\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_BLANK = rf"[\x1c-\x1f{_SPACES}]"
_CHARACTER = r"[^\ud800-\udfff]"


def _with_blanks(pattern: str) -> str:
    return f"{_BLANK}*({pattern}){_BLANK}*"


class Texts(TypedDict):
    """Patterns of whole texts that a lookup accepts. Group 1 is the text without the white space around it."""

    blanks: Annotated[str, Field(description="White space, as within the name of a country")]
    no_fallback: Annotated[str, Field(description="A `fallback` that means null")]
    null: Annotated[str, Field(description="A number or a time that means null")]
    number: str
    time: str
    name: Annotated[str, Field(description="`country_code` and `segment_name`")]
    customer_id: str


class Fields(TypedDict):
    """The fields that are numbers or times, and the pattern of each."""

    total_orders: Literal["number"]
    least_support: Literal["number"]
    last_order_ts: Literal["time"]
    first_order_ts: Literal["time"]


class OfflineFallback(TypedDict):
    """What the stage does with customers who name no fallback."""

    to: FallbackTo
    least_support: Annotated[int, Field(ge=1)]


class OfflineSegment(TypedDict):
    """A segment, and which values of the field it holds: whole numbers or days, both included; null has no bound.

    In JSON, `first` and `last` of a time are days like 2018-09-15, to be compared as texts.
    """

    name: str
    first: Bound
    last: Bound


class OfflineSegmentation(TypedDict):
    """The customer's field that a segmentation splits by, and its segments: the first that holds the value is meant."""

    field: Annotated[str, Field(examples=["last_order_ts"])]
    segments: list[OfflineSegment]


class OfflineMode(TypedDict):
    """The amount used most, and what it rests on."""

    voucher_amount: Amount
    support: Annotated[int, Field(ge=1)]
    share: float


class OfflineCountry(TypedDict):
    """A country with its own mode, and by segmentation with those of the segments, in their order.

    A mode without support is null; so is the country's own in a model that an older version made.
    """

    country_code: str
    mode: OfflineMode | None
    segments: dict[str, list[OfflineMode | None]]


class OfflineModel(TypedDict):
    """The answer of `GET /model.json`."""

    format: Annotated[int, Field(description="Another number has another reading")]
    model: ServedBy
    time_zone: Annotated[str, Field(description="Times with an offset are converted to it")]
    fallback: OfflineFallback
    texts: Texts
    fields: Fields
    largest_number: int
    segmentations: dict[str, OfflineSegmentation]
    countries: list[OfflineCountry]


TEXTS: Texts = {
    "blanks": f"{_BLANK}+",
    "no_fallback": f"{_BLANK}*",
    "null": _with_blanks(NULL_PATTERN),
    "number": _with_blanks(NUMBER_PATTERN),
    "time": _with_blanks(TIMESTAMP_PATTERN),
    "name": rf"[{_SPACES}]*((?![{_SPACES}]){_CHARACTER}{{1,{LONGEST_TEXT}}}(?<![{_SPACES}]))[{_SPACES}]*",
    "customer_id": f"{_CHARACTER}{{0,{LONGEST_ID}}}",
}

FIELDS: Fields = {
    "total_orders": "number",
    "least_support": "number",
    "last_order_ts": "time",
    "first_order_ts": "time",
}


def offline_model(model: Model, fallback: Fallback = ONLY_SEGMENTS) -> OfflineModel:
    """Return the document of a model; `fallback` is that of the stage."""
    modes: dict[tuple[str, ...], OfflineMode | None] = {mode.key: _mode(mode) for mode in model.entries}
    return {
        "format": FORMAT,
        "model": served_by(model),
        "time_zone": model.time_zone,
        "fallback": {"to": fallback.to, "least_support": fallback.least_support},
        "texts": TEXTS,
        "fields": FIELDS,
        "largest_number": LARGEST_WHOLE,
        "segmentations": {name: _segmentation(found, model) for name, found in model.segmentations.items()},
        "countries": [
            {
                "country_code": country,
                "mode": modes.get((country,)),
                "segments": {
                    name: [modes[country, name, segment] for segment in segmentation.bounds]
                    for name, segmentation in model.segmentations.items()
                },
            }
            for country in model.countries
        ],
    }


def _segmentation(segmentation: Segmentation, model: Model) -> OfflineSegmentation:
    segments: list[OfflineSegment] = []
    for name, (lower, upper) in segmentation.bounds.items():
        first, last = segmentation.measure.field_bounds(lower, upper, model.cur_date)
        segments.append({"name": name, "first": first, "last": last})
    return {"field": segmentation.measure.field, "segments": segments}


def _mode(mode: Mode) -> OfflineMode | None:
    if mode.voucher_amount is None or mode.share is None:
        return None
    return {"voucher_amount": mode.voucher_amount, "support": mode.support, "share": mode.share}
