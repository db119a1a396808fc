"""Customers for lookups outside the API: at random, with every boundary of a model and every kind of bad value.

Their numbers are those that JavaScript has and writes, so that all readers are asked the same.
"""

import json
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import Model
from voucher_selection.domain.segments import Segmentation

# Values of any field that no field accepts, and some that one or another does.
_ODD: tuple[Any, ...] = (
    *(None, True, False, [], {}, [1], {"a": 1}, -1, -0.5, 1.5, 0, 1, 1e21, 1e300, 2**53, 2**53 + 2, -(2**53)),
    *("", " ", "\x1c", "\x85\u2003", "\ufeff", "\u200b", "null", " NONE ", "NaN", "+nan", "-NAN", "NaT", "na", "N/A"),
    *("<na>", r"\n", r" \N ", "\\", "\n", "nul", "\uff4e\uff41", "\ud800", "x\udfff", "x" * 128, "x" * 129),
    *("\U0001f600" * 128, "\U0001f600" * 129, "constructor", "__proto__", "toString", "0", "true", "[]", "<b>", "a#b"),
)
_NUMBERS = (
    *(
        "0",
        "-0",
        "+0",
        "00",
        "1",
        "+1",
        " 1 ",
        "\x1c1\x85",
        "\ufeff1",
        "1.",
        ".0",
        "1.0",
        "1.5",
        "1e1",
        "1E+1",
        "10e-1",
    ),
    *("1e400", "1e-400", "0e999", "1_0", "\u0661", "\uff11", "1 0", "1,0", "0x10", "inf", "--1", "e1", ".", "1e-1"),
    *("9007199254740992", "9007199254740993", "9" * 80, "9" * 81, "0" * 79 + "3", "0." + "0" * 80, "1." + "0" * 81),
    *("1e" + "0" * 80, "1e" + "0" * 81),
)
_CLOCKS = (
    *("", " 00:00", "T23:59:59", " 23:59:59.9", "T12:30:00.123456", "T12:30:00.1234567", " 24:00", "T12", "T12:60"),
    *(" 12:30:60", "T00:00Z", " 23:30-05:00", "T00:30:00+0200", "T01:30:00.000001+02:00", "T23:59:59.999999Z"),
    *("T12:00+24:00", "T12:00+23:59", "T12:00-23:59", "T12:00z", "t12:00", "  12:00", "Z", "T00:00:00-00:00"),
    *("T03:30:00+03:00", "T02:30:00+01:00"),
)
_DAYS = (
    *("0000-01-01", "0001-01-01", "0001-01-02", "9999-12-31", "9999-12-30", "1900-02-29", "2000-02-29", "2018-02-30"),
    *("2018-13-01", "1969-12-31", "1970-01-01", "0099-12-31", "1582-10-10", "2018-3-25", "18-03-25", "2018-03-25"),
    *("2018-10-28", "20180325", "2018-00-10", "2018-01-00", "+2018-01-01", "-0001-01-01", "2018-W10-1", "2038-01-20"),
    *("\uff12018-01-01", "1895-06-01"),
)
_WRITTEN_WITH_EXPONENT = 1e21
_SPACED = ("{}", " {} ", "\t{}\n", "\x1f{}", "\u2003{}\x85", "\ufeff{}", "{}\u200b")


def asked_customers(model: Model, number: int, seed: int) -> Iterator[Any]:
    """Yield customers to look up in a model: with each boundary, with each odd value in each field, then at random."""
    random = Random(seed)
    every = [*_at_each_boundary(model), *_with_each_oddity(model, random)]
    random.shuffle(every)
    for place in range(number):
        customer = every[place] if place < len(every) else _at_random(model, random)
        yield json.loads(as_json(customer))


def as_json(customer: object) -> str:
    """Return a customer as JavaScript writes it: whole numbers below 1e21 without a point."""
    return json.dumps(_as_in_javascript(customer))


def _as_in_javascript(value: object) -> object:
    if isinstance(value, dict):
        return {key: _as_in_javascript(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_in_javascript(each) for each in value]
    if isinstance(value, bool) or not isinstance(value, int | float) or not float(value).is_integer():
        return value
    return int(float(value)) if abs(value) < _WRITTEN_WITH_EXPONENT else value


def _at_each_boundary(model: Model) -> Iterator[dict[str, Any]]:
    for country in model.countries:
        for segmentation in model.definitions.segmentations:
            for value in _boundaries(segmentation):
                for asked in (
                    {},
                    {"fallback": "country"},
                    {"fallback": "none"},
                    {"fallback": "country", "least_support": 50},
                ):
                    yield {**_customer(model, country, segmentation, value), **asked}


def _boundaries(segmentation: Segmentation) -> list[int]:
    bounds = [bound for pair in segmentation.bounds.values() for bound in pair if bound is not None]
    return sorted({bound + step for bound in bounds for step in (-1, 0, 1)})


def _customer(model: Model, country: str, segmentation: Segmentation, value: int) -> dict[str, Any]:
    """Return a customer with a measured value, if there is a day or a number for it."""
    field, customer = segmentation.measure.field, {"customer_id": value, "country_code": country}
    customer["segment_name"] = segmentation.name
    if field == "total_orders":
        return {**customer, field: value}
    try:
        if segmentation.measure is Measure.MONTHS_SINCE_FIRST_ORDER:
            year, month = divmod(12 * model.cur_date.year + model.cur_date.month - 1 - value, 12)
            return {**customer, field: date(year, month + 1, 1 if value % 2 else 28).isoformat()}
        return {**customer, field: f"{model.cur_date - timedelta(value)} 23:59:59.999999"}
    except (OverflowError, ValueError):
        return customer


def _with_each_oddity(model: Model, random: Random) -> Iterator[Any]:
    yield from _ODD
    for field in (*_ALL_FIELDS, "other"):
        for odd in (*_ODD, *_NUMBERS, *_DAYS, *_CLOCKS):
            yield {**_at_random(model, random, odd=0), field: odd}
    for day in _DAYS:
        for clock in _CLOCKS:
            yield {**_at_random(model, random, odd=0), random.choice(("last_order_ts", "first_order_ts")): day + clock}


def _at_random(model: Model, random: Random, odd: float = 0.02) -> dict[str, Any]:
    customer = {name: of(model, random) for name, of in _FIELDS.items() if random.random() > odd}
    orders, last, first = _orders(random), _moment(model, random), _moment(model, random)
    if random.random() < 0.9:  # most customers are consistent
        last, first = max(last, first), min(last, first)
        orders = orders if orders != 0 else 1
    customer |= {"total_orders": _written_number(orders, random)}
    customer |= {"last_order_ts": _written_time(last, random), "first_order_ts": _written_time(first, random)}
    if random.random() < 3 * odd:
        customer[random.choice(_ALL_FIELDS)] = random.choice((*_ODD, *_NUMBERS, *_DAYS))
    return customer


def _id(_model: Model, random: Random) -> object:
    return random.choice((None, random.randrange(10**9), f"c-{random.randrange(10**6)}"))


def _country(model: Model, random: Random) -> str:
    name = random.choice(model.countries) if random.random() < 0.95 else "Atlantis"
    if random.random() < 0.5:
        return name
    cased = "".join(random.choice((letter, letter.upper(), letter.lower(), letter.casefold())) for letter in name)
    spelled = cased.replace(" ", random.choice((" ", "\t \x1d", "\u3000")))
    return random.choice(_SPACED).format(unicodedata.normalize(random.choice(("NFC", "NFD")), spelled))


def _segmentation(model: Model, random: Random) -> str:
    name = random.choice(model.definitions.names)
    return random.choice(_SPACED).format(name) if random.random() < 0.1 else name


def _orders(random: Random) -> float:
    return random.choice((0, 1, 2, 3, random.randrange(60), random.randrange(60), random.randrange(500)))


def _written_number(number: float, random: Random) -> object:
    written = (number, number, number, None, str(number), f" {number:.1f} ", f"{number}e0", number + 0.5)
    return random.choice(written) if random.random() < 0.9 else random.choice(_NUMBERS)


def _moment(model: Model, random: Random) -> datetime:
    seconds = random.randrange(-(10**6), random.choice((10**7, 10**8)))
    return datetime.combine(model.cur_date, time.min) - timedelta(seconds=seconds)


def _written_time(moment: datetime, random: Random) -> object:
    if random.random() < 0.05:
        return random.choice((None, f"{moment:%Y-%m-%d}{random.choice(_CLOCKS)}", random.choice(_DAYS)))
    offset = random.choice(("Z", "+03:00", "-0530", "+23:59", ""))
    written = (None, f"{moment:%Y-%m-%d}", f"{moment:%Y-%m-%d %H:%M}", f"{moment}", f"{moment}{offset}")
    text = random.choice(written)
    return random.choice(_SPACED).format(text) if text and random.random() < 0.05 else text


_FIELDS: dict[str, Callable[[Model, Random], Any]] = {
    "customer_id": _id,
    "country_code": _country,
    "segment_name": _segmentation,
    "fallback": lambda _model, random: random.choice((None, None, "", " ", "none", "country", "country")),
    "least_support": lambda _model, random: random.choice((None, None, 1, 5, 50, "30", "null", 10**6)),
}
_ALL_FIELDS = (*_FIELDS, "total_orders", "last_order_ts", "first_order_ts")
