"""Items of the catalog: what they hold, how to write them, and how to read them safely, whatever they contain.

| pk | sk | holds |
|---|---|---|
| `MODEL` | `SERVED` | the pointer: `version`, the `previous_version`, and the `newest_version` that was ever served |
| `MODEL` | `VERSION#<version>` | a version: its run, what it was made from, and how many segments it has |
| `MODEL` | `RUN#<run>` | the `summary` of a run that moved the pointer; written in the same transaction |
| `VERSION#<version>` | `<country>#<segmentation>#<segment>` | a segment's mode, support, share and leading amounts |
| `VERSION#<version>` | `<country>` | the same of a country, whose name has no `#`; older versions have none |
| `AMOUNTS#<version>` | `<place>`, five digits | all `assignments` of a segment or country with more than 10 amounts |

Lookups read the pointer, a version and its `VERSION#` items. Only reports read the `AMOUNTS#` items. Their place is
that of `Model.entries`: the segments of the first country, that country, the segments of the second. Amounts with their
counts are JSON, like `[[2640.0,40],[3520.0,20]]`. Older versions list all amounts in the `VERSION#` items.

Other programs with rights to the table may write to it. If an item is not in our form, `UnreadableItem` names it, and
none of its values is used.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    Field,
    StrictStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import from_json

from voucher_selection.domain.dates import IsoDate
from voucher_selection.domain.errors import InvalidSegments, NoModel, UnreadableItem
from voucher_selection.domain.model import (
    NO_OTHERS,
    AmountCount,
    CountryMode,
    CountsOrigin,
    Mode,
    Model,
    Others,
    SegmentKey,
    SegmentMode,
    Version,
    shortened,
)
from voucher_selection.domain.segments import load_definitions
from voucher_selection.domain.stored_objects import StoredObject
from voucher_selection.domain.summaries import PointerSummary
from voucher_selection.domain.time_zones import TimeZone
from voucher_selection.domain.totals import Totals
from voucher_selection.domain.validation import describe
from voucher_selection.domain.versions import is_version
from voucher_selection.domain.windows import ALL_DAYS, Window

type Item = dict[str, Any]

MODEL = "MODEL"
VERSION = "VERSION#"
AMOUNTS = "AMOUNTS#"
RUN = "RUN#"
POINTER = {"pk": MODEL, "sk": "SERVED"}


class Pointer(NamedTuple):
    """The served version, the version served before it (None: it is the first), and the newest ever served."""

    version: str
    previous_version: str | None
    newest_version: str


def _text(value: object) -> str:
    """Return the value if it is text: pydantic would also read a moment from a number."""
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {str(value)[:80]!r}")  # noqa: TRY004 - pydantic reports ValueErrors
    return value


Moment = Annotated[AwareDatetime, BeforeValidator(_text)]


class _VersionItem(BaseModel):
    version: StrictStr
    run_id: StrictStr
    counts_run_id: StrictStr
    # None in items of older versions.
    rows: Totals | None = None
    ledger: StoredObject | None = None
    cur_date: IsoDate
    published_at: Moment
    countries: Annotated[tuple[StrictStr, ...], Field(min_length=1)]
    definitions: StrictStr
    time_zone: TimeZone = "UTC"  # older versions had no other
    window: Window = ALL_DAYS  # nor this
    segments: Annotated[int, Field(ge=0)]
    expires_at: Annotated[int, Field(ge=0, lt=2**33)] | None = None


def _pairs(value: object) -> object:
    """Return amounts with their counts as pairs: from JSON, or from the list of maps that older versions wrote."""
    if isinstance(value, str):
        return from_json(value)
    if isinstance(value, list):
        return [(each.get("voucher_amount"), each.get("count")) if isinstance(each, dict) else each for each in value]
    return value


_Pair = tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], Annotated[int, Field(ge=1)]]
_Amounts = Annotated[tuple[_Pair, ...], BeforeValidator(_pairs)]


class _CountryItem(BaseModel):
    country_code: StrictStr
    voucher_amount: float | None
    support: Annotated[int, Field(ge=0)]
    leading: Annotated[_Amounts, Field(validation_alias=AliasChoices("leading", "assignments"))]
    others: Annotated[int, Field(ge=0)] = 0  # older versions list all amounts

    def amounts(self) -> tuple[tuple[AmountCount, ...], Others]:
        """Return the listed amounts, and what the others are."""
        listed = _counted(self.leading)
        return listed, Others(self.others, self.support - sum(amount.count for amount in listed))


class _SegmentItem(_CountryItem):
    segment_name: StrictStr
    segment: StrictStr
    lower: int | None
    upper: int | None


_SUMMARY: TypeAdapter[PointerSummary] = TypeAdapter(PointerSummary)
_AMOUNTS: TypeAdapter[tuple[tuple[float, int], ...]] = TypeAdapter(_Amounts)


def pointer_of(item: Item) -> Pointer:
    """Read the pointer. If its other attributes are invalid, only the served version is used."""
    version, previous, newest = (item.get(name) for name in ("version", "previous_version", "newest_version"))
    if not isinstance(version, str):
        raise UnreadableItem(f"{_name(item)} cannot be read: version: expected text, got {str(version)[:80]!r}")
    # A pointer that an older version wrote, before rollbacks existed, has no newest version.
    return Pointer(
        version,
        previous if isinstance(previous, str) else None,
        newest if isinstance(newest, str) and is_version(newest, datetime.now(UTC)) else version,
    )


def version_of(item: Item) -> Version:
    """Read a version without its segments."""
    with _legible(item):
        found = _VersionItem.model_validate(item)
        if item["sk"] != f"{VERSION}{found.version}":
            raise ValueError(f"version: expected that of the item's key, got {found.version[:80]!r}")
        return Version(
            version=found.version,
            run_id=found.run_id,
            counts=CountsOrigin(found.counts_run_id, found.rows, found.ledger),
            cur_date=found.cur_date,
            published_at=found.published_at,
            countries=found.countries,
            definitions=load_definitions(found.definitions),
            time_zone=found.time_zone,
            window=found.window,
            expires_at=None if found.expires_at is None else datetime.fromtimestamp(found.expires_at, UTC),
        )


def model_of(version: Version, items: Iterable[Item]) -> Model:
    """Read a version's segments: exactly those of its definitions, for every country; and its countries.

    Other items are ignored. A version that an older product wrote has no item of a country.

    Raises
    ------
    UnreadableItem
        The item of a segment or a country has an unexpected form.
    NoModel
        A segment is missing, or some countries are.
    """
    listed = {item["sk"]: item for item in items}
    segments = [
        _sort_key(SegmentKey(country, segmentation.name, segment))
        for country in version.countries
        for segmentation in version.definitions.segmentations
        for segment in segmentation.bounds
    ]
    has_countries = any(country in listed for country in version.countries)
    modes = _expected(version, "segments", segments, listed, _segment_of)
    countries = _expected(version, "countries", version.countries if has_countries else (), listed, _country_of)
    return Model(**vars(version), modes=modes, country_modes=countries)


def _expected[Found: Mode](
    version: Version, kind: str, keys: Sequence[str], listed: Mapping[str, Item], read: Callable[[Item], Found]
) -> tuple[Found, ...]:
    """Read the items of these sort keys, in their order."""
    there = [listed[key] for key in keys if key in listed]
    if len(there) < len(keys):
        raise NoModel(f"the catalog has only {len(there)} {kind} of version {version.version}, expected {len(keys)}")
    return tuple(map(read, there))


def summary_of(item: Item) -> PointerSummary:
    """Read the summary of a run that has moved the pointer."""
    with _legible(item):
        return _SUMMARY.validate_json(_text(item["summary"]))


def _segment_of(item: Item) -> SegmentMode:
    with _legible(item):
        found = _SegmentItem.model_validate(item)
        assignments, others = found.amounts()
        mode = SegmentMode(
            country_code=found.country_code,
            segment_name=found.segment_name,
            segment=found.segment,
            lower=found.lower,
            upper=found.upper,
            assignments=assignments,
            others=others,
        )
        if item["sk"] != _sort_key(mode.key):
            raise ValueError("country_code, segment_name and segment: they differ from the item's key")
        return _consistent(mode, found)


def _country_of(item: Item) -> CountryMode:
    with _legible(item):
        found = _CountryItem.model_validate(item)
        if item["sk"] != found.country_code:
            raise ValueError("country_code: it differs from the item's key")
        return _consistent(CountryMode(found.country_code, *found.amounts()), found)


def _consistent[Found: Mode](mode: Found, item: _CountryItem) -> Found:
    amounts, assignments = mode.others
    has_all = assignments == 0 if amounts == 0 else assignments >= amounts
    if mode.voucher_amount != item.voucher_amount or not has_all:
        raise ValueError("voucher_amount and support: they differ from those of the assignments")
    return mode


def _counted(pairs: Iterable[tuple[float, int]]) -> tuple[AmountCount, ...]:
    return tuple(AmountCount(amount, count) for amount, count in pairs)


def place_of(place: int) -> str:
    """Return the sort key of the amounts of a mode, from its place in `Model.entries`."""
    return f"{place:05d}"


def with_all_amounts[Found: SegmentMode | CountryMode](
    version: str, place: int, mode: Found, item: Item | None
) -> Found:
    """Return a mode with all its amounts, from their item; `place` is that of the mode in `Model.entries`.

    Raises
    ------
    UnreadableItem
        The item is missing, has an unexpected form, or belongs to another mode.
    """
    with _legible(item or {"pk": f"{AMOUNTS}{version}", "sk": place_of(place)}):
        if item is None:
            raise ValueError(f"it is missing; expected the {mode.amounts:,} amounts of {' '.join(mode.key)}")
        found = replace(mode, assignments=_counted(_AMOUNTS.validate_python(item.get("assignments"))), others=NO_OTHERS)
        if item.get("key") != [*mode.key] or shortened(found) != mode:
            raise ValueError(f"its amounts are not those of {' '.join(mode.key)}")
        return found


@contextmanager
def _legible(item: Item) -> Iterator[None]:
    """Turn a failure to read an item into an error that names the item and the reason."""
    try:
        yield
    except (ValueError, KeyError, InvalidSegments) as error:
        why = "; ".join(describe(error)) if isinstance(error, ValidationError) else str(error)
        raise UnreadableItem(f"{_name(item)} cannot be read: {why[:500]}") from error


def _name(item: Item) -> str:
    return f"the catalog's item {item['pk']} / {item['sk']}"


def _sort_key(segment: SegmentKey) -> str:
    return "#".join(segment)


def items_of(model: Model) -> Iterator[Item]:
    """Yield the items of a version for writing: its amounts, segments and countries, and last the version itself.

    `model` lists all amounts of its modes.
    """
    yield from amounts_of(model)
    pk = f"{VERSION}{model.version}"
    for mode in model.modes:
        bounds = {"lower": mode.lower, "upper": mode.upper}
        yield {"pk": pk, "sk": _sort_key(mode.key), **mode.key._asdict(), **bounds, **_of(shortened(mode))}
    for country in model.country_modes:
        yield {"pk": pk, "sk": country.country_code, "country_code": country.country_code, **_of(shortened(country))}
    yield version_item(model)


def version_item(model: Model) -> Item:
    """Return the item of a version itself."""
    return {
        "pk": MODEL,
        "sk": f"{VERSION}{model.version}",
        "version": model.version,
        "run_id": model.run_id,
        "counts_run_id": model.counts.run_id,
        "rows": model.counts.rows and model.counts.rows.with_names_to_show().model_dump(mode="json"),
        "ledger": model.counts.ledger and model.counts.ledger.model_dump(mode="json"),
        "cur_date": model.cur_date.isoformat(),
        "published_at": model.published_at.isoformat(),
        "countries": list(model.countries),
        "time_zone": model.time_zone,
        "window": model.window.written,
        "definitions": model.definitions.model_dump_json(),
        "segments": len(model.modes),
    }


def amounts_of(model: Model) -> Iterator[Item]:
    """Yield the items of all amounts, of each mode that has more than the leading ones."""
    for place, mode in enumerate(model.entries):
        if shortened(mode).others.amounts:
            yield amounts_item(model.version, place, mode, _text_of(mode))


def amounts_item(version: str, place: int, mode: Mode, assignments: str) -> Item:
    """Return the item of all amounts of a mode; `assignments` are they as JSON."""
    return {"pk": f"{AMOUNTS}{version}", "sk": place_of(place), "key": [*mode.key], "assignments": assignments}


def amount_text(amount: AmountCount) -> str:
    """Return an amount with its count as JSON."""
    return f"[{amount.voucher_amount!r},{amount.count}]"


def _text_of(mode: Mode) -> str:
    return f"[{','.join(map(amount_text, mode.assignments))}]"


def _of(mode: Mode) -> Item:
    return {
        "voucher_amount": _decimal(mode.voucher_amount),
        "support": mode.support,
        "share": _decimal(mode.share),
        "leading": _text_of(mode),
        "others": mode.others.amounts,
    }


def run_item(summary: PointerSummary, expires_at: datetime) -> Item:
    """Return the item of a run that moves the pointer."""
    return {
        "pk": MODEL,
        "sk": f"{RUN}{summary.run_id}",
        "version": summary.version,
        "summary": summary.model_dump_json(),
        "expires_at": int(expires_at.timestamp()),
    }


def _decimal(number: float | None) -> Decimal | None:
    """Convert a float to a decimal by its shortest text, which is the number that was meant: DynamoDB has no floats."""
    return None if number is None else Decimal(repr(number))


def from_dynamodb(attributes: Mapping[str, Any]) -> Item:
    """Return an item's attributes as Python values; boto3's own reader would slow down the API's start."""
    return {name: _deserialize(value) for name, value in attributes.items()}


def _deserialize(attribute: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what an attribute holds
    ((kind, held),) = attribute.items()
    match kind:
        case "N":
            return Decimal(held)
        case "NULL":
            return None
        case "L":
            return [_deserialize(element) for element in held]
        case "M":
            return from_dynamodb(held)
        case _:
            return held


def to_dynamodb(item: Item) -> dict[str, Any]:
    """Return an item in the form that DynamoDB's client takes."""
    from boto3.dynamodb.types import TypeSerializer  # noqa: PLC0415 - only publishing needs boto3

    serialize = TypeSerializer().serialize
    return {name: serialize(value) for name, value in item.items()}
