"""A model with odd names and bounds, random customers at every boundary, and what the API answers for each of them."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from voucher_selection.domain.errors import VoucherSelectionError
from voucher_selection.domain.fallbacks import Fallback
from voucher_selection.domain.lookups import CODES, LookupRequest, voucher_for
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import AmountCount, CountryMode, CountsOrigin, Model, SegmentMode
from voucher_selection.domain.segments import SegmentDefinitions

CUR_DATE = date(2018, 9, 15)
COUNTRIES = ("Peru", "Costa Rica", "Türkiye", "Côte d'Ivoire", "L\\u0027tv--ia", "대한민국", "Great\u2028Land", "Ελλάς")
LARGEST = 2**53
# Days until CUR_DATE of the first day of the calendar, and of the last one.
_FIRST_DAY, _LAST_DAY = (CUR_DATE - date.min).days, (CUR_DATE - date.max).days


class Asked(NamedTuple):
    """A customer as a table has it: texts, a number, and times as text; None is null."""

    customer_id: str | None
    country_code: str | None
    segment_name: str | None
    total_orders: float | str | None
    last_order_ts: str | None
    first_order_ts: str | None


class Answered(NamedTuple):
    """The answer to a customer: all but the problem, or only the problem."""

    country_code: str | None = None
    segment_name: str | None = None
    segment: str | None = None
    voucher_amount: float | None = None
    basis: str | None = None
    support: int | None = None
    share: float | None = None
    problem: str | None = None


def odd_model(seed: int = 0, countries: Sequence[str] = COUNTRIES) -> Model:
    """Return a model of every measure, in which some segments and one country have no support, or little."""
    picked = random.Random(seed)
    listed = [
        _segmentation("frequent", "total_orders", [(1, 4), (5, 13), (14, 37)], "it's--outside\\"),
        _segmentation("all\\'orders", "total_orders", [(0, 0), (1, LARGEST - 1), (LARGEST, None)], None),
        _segmentation("recency", "days_since_last_order", [(-3, 0), (1, 60), (61, 180), (181, None)], None),
        _segmentation("lapse", "days_since_last_order_when_given", [(30, 60), (61, 90)], "sonst_ü🎁\u200d"),
        _segmentation("tenure", "months_since_first_order", [(0, 0), (1, 11), (12, 12_000)], "before"),
    ]
    others = {str(measure) for measure in Measure} - {found["measure"] for found in listed}
    listed += [_segmentation(measure, measure, [(0, 10), (11, None)], "before") for measure in sorted(others)]
    definitions = SegmentDefinitions.model_validate({"segmentations": listed})
    named = [(s.name, name, *bounds) for s in definitions.segmentations for name, bounds in s.bounds.items()]
    return Model(
        version="20180915T060000000Z-run",
        run_id="run",
        counts=CountsOrigin("run"),
        cur_date=CUR_DATE,
        published_at=datetime(2018, 9, 15, 6, tzinfo=UTC),
        countries=tuple(countries),
        definitions=definitions,
        modes=tuple(SegmentMode(country, *name, _amounts(picked)) for country in countries for name in named),
        country_modes=tuple(CountryMode(country, _amounts(picked)) for country in countries),
    )


def customers(model: Model, count: int, seed: int = 0) -> Iterator[Asked]:
    """Yield customers as a table with types can have them; the digits of each id are its row.

    Most customers have one odd value at most, so that all problems and all segments occur.
    """
    picked = random.Random(seed)
    names, spellings = [s.name for s in model.definitions.segmentations], list(_spellings(model.countries))
    orders, times = _orders(model), _Times(model)
    for row in range(count):
        odd = picked.random()
        last, first = times.pick(picked), times.pick(picked)
        if last is not None and first is not None and odd < 0.8:
            last, first = max(last, first), min(last, first)
        number = picked.choice(orders) if odd < 0.5 else picked.randint(1, 40)
        yield Asked(
            str(row) if odd < 0.99 else str(row).zfill(picked.choice([128, 129])),
            picked.choice(spellings) if odd < 0.5 else picked.choice(model.countries),
            picked.choice(names) if odd < 0.95 else picked.choice(_ODD_NAMES),
            number,
            last if odd < 0.97 else picked.choice(_NO_TIMES),
            first,
        )


def texts(asked: Asked, picked: random.Random) -> Asked:
    """Return a customer as a table without types may have it: with another text as one of the values."""
    field = picked.choice(("total_orders", "last_order_ts", "first_order_ts"))
    return asked._replace(**{field: picked.choice(_ORDERS_AS_TEXT if field == "total_orders" else _TIMES_AS_TEXT)})


def answered(model: Model, asked: Asked, fallback: Fallback) -> Answered:
    """Return what `POST /voucher` answers."""
    fields: dict[str, Any] = asked._asdict()
    number = fields["total_orders"]
    if isinstance(number, float) and not -LARGEST < number < LARGEST:
        fields["total_orders"] = str(number)  # JSON has neither infinity nor NaN
    try:
        found = voucher_for(model, LookupRequest.parse(fields, model.time_zone), fallback)
    except VoucherSelectionError as error:
        return Answered(problem=CODES[type(error)])
    return Answered(**{name: found[name] for name in Answered._fields if name in found})  # type: ignore[literal-required]


def _segmentation(name: str, measure: str, bounds: list[tuple[int, int | None]], outside: str | None) -> dict[str, Any]:
    segments = [{"name": f"{name}{lower}", "lower": lower, "upper": upper} for lower, upper in bounds]
    return {"name": name, "measure": measure, "segments": segments, "outside": outside}


def _amounts(picked: random.Random) -> tuple[AmountCount, ...]:
    counts = sorted((picked.choice([1, 2, 29, 7_919]) for _ in range(picked.choice([0, 1, 2, 5]))), reverse=True)
    amounts = picked.sample([2640.0, 0.0, 0.1, 1e-10, 1e15, 4400.25, 123456789.123456, 1.5], len(counts))
    return tuple(AmountCount(amount, count) for amount, count in zip(amounts, counts, strict=True))


_ODD_NAMES = (
    *(None, "", " ", "Frequent", "frequent ", "\u2003tenure\n", "\x1ctenure", "age", "x" * 129, "frequént", "FREQUENT"),
    *("all'orders", "all\\\\'orders", "null"),
)
_NO_TIMES = ("infinity", "-infinity", "10000-01-01 00:00:00", "290000-12-31 00:00:00")


def _spellings(countries: Sequence[str]) -> Iterator[str | None]:
    yield from (None, "", "  ", "Chile", "Per", "Peru.", "x" * 128, "x" * 129, "Costa" + " " * 119 + "Rica")
    yield from ("Peru" + " " * 200, "\x1fPeru", "Costa\xa0\t Rica", "costarica", "Pe\u0301ru", "Peru\u0301", "P eru")
    yield from (
        "TÜRKİYE",
        "t\u00fcrk\u0131ye",
        "TURKIYE",
        "Tu\u0308rki\u0307ye",
        "TÜRKI\u0307YE",
        "GREAT\tLAND",
        "ελλασ",
        "ΕΛΛΆΣ",
    )
    yield from ("COSTA R\u0131CA", "co\u017fta rica", "Türkiye\u0323", "Türki\u0307\u0323ye", "Türkİ\u0323ye")
    for country in countries:
        yield from (country, country.upper(), country.lower(), f"\t{country}\u3000", country.swapcase())


def _orders(model: Model) -> list[float | None]:
    bounds = {bound for s in model.definitions.segmentations for segment in s.segments for bound in _bounds(segment)}
    near = {float(bound + step) for bound in bounds if bound is not None for step in (-1, 0, 1)}
    odd = [None, float("nan"), float("inf"), float("-inf"), -1.0, -0.0, 0.5, 4.5, 1e300, LARGEST + 2.0, LARGEST * 2.0]
    return [*odd, *near, *near, *near]


def _bounds(segment: Any) -> tuple[int | None, int | None]:  # noqa: ANN401 - a segment
    return segment.lower, segment.upper


class _Times:
    """Times on the days at the bounds of the segments, in the first and last microsecond of the day and between."""

    def __init__(self, model: Model) -> None:
        bounds = {b for s in model.definitions.segmentations for found in s.segments for b in _bounds(found)}
        near = {bound + step for bound in bounds if bound is not None for step in (-1, 0, 1)}
        months = {days for bound in near if 0 <= bound < 24 for days in (30 * bound, 30 * bound + 15, 31 * bound)}
        self.days = sorted(
            day for day in {*near, *months, *range(-3, 40), _FIRST_DAY, _LAST_DAY} if _LAST_DAY <= day <= _FIRST_DAY
        )

    def pick(self, picked: random.Random) -> str | None:
        if picked.random() < 0.1:
            return None
        day = CUR_DATE - timedelta(days=picked.choice(self.days))
        return f"{day.isoformat()} {picked.choice(('00:00:00', '23:59:59.999999', '12:30:00', '00:00:00.000001'))}"


_ORDERS_AS_TEXT = (
    *("3", " 3 ", "3.0", "003", "\u00a05\t", "37.", "", "  ", "NULL", "nan", "N/A", "\\N", "many", "-1", "2.5"),
    *("inf", "0x10", "1_0", "1" * 81, "3 4", "\u0663", "9007199254740992"),
)
_TIMES_AS_TEXT = (
    *("2018-05-03", "2018-05-03T18:00", "2018-05-03 18:00", "2018-05-03 18:00:00.1", " 2018-05-03\u2003", "", "NaT"),
    *("2018-02-29", "2018-04-31", "2018-13-01", "2018-00-10", "0000-01-01", "0001-01-01", "2018-05-03 24:00:00"),
    *(
        "2018-05-03 18",
        "2018-05-03 18:00:00.",
        "2018-05-03 18:60:00",
        "2018-05-03 18:00:60",
        "2018-05-03 18:00:00.1234567",
    ),
    *(
        "20180503",
        "2018-5-3",
        "yesterday",
        "now",
        "2018-05-03x18:00:00",
        "2018-05-03 1a:00:00",
        "15/09/2018",
        "2016-02-29",
    ),
)
