"""Random steps and customers: few values, so that days, amounts and contents come again, and bounds are met.

A step is data that can be printed and done again. What it needs of the steps before it (a run, a version) is a number:
which of them to take. So a sequence stays one if steps are left out of it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import Any

from benchmarks.states.models import Model, Row, Settings

type Step = dict[str, Any]

SOURCES = "uploads/states/"
_FOLDERS = ("a/", "b/")
_NAMES = ("0.parquet", "1.parquet", "2.csv", "3.jsonl")
_WEIGHTS = {
    "put": 8,
    "remove": 1,
    "full": 4,
    "append": 10,
    "remodel": 5,
    "what_if": 2,
    "rollback": 3,
    "approve": 4,
    "assign": 1,
    "drop": 3,
}
_DAYS = (
    "2018-07-01 08:00:00",
    "2018-07-01T23:59:59Z",
    "2018-07-02",
    "2018-07-03 00:00:00.5",
    "2018-08-20",
    "2018-09-15",
)
_COUNTRIES = ("Peru", "PERU", " peru ", "Latvia", "latvia")
_LAST = (None, "2018-06-30", "2018-08-15", "2018-08-16 23:59:59", "2018-08-17", "2018-05-03T10:00:00")
_FIRST = (None, None, "2018-05-01", "2017-09-30", "2017-10-01 12:00")
_ORDERS = ("1", "2", "3.0", "4", " 5 ", "9")
_AMOUNTS = ("1", "1.0", "2.50", "2.5", "3e0", "9.95", "0")
# Values that mean null, that are no values, or that break a rule.
_ODD: dict[str, tuple[str | None, ...]] = {
    "timestamp": (None, "", "1900-01-01", "2018-02-30", "NaT"),
    "country_code": ("China", None, "Peruu", ""),
    "last_order_ts": ("1900-01-01", "2016-01-01", "yesterday", "n/a"),
    "first_order_ts": ("1900-01-01", "2018-09-14", "2018-13-01"),
    "total_orders": ("0", "2.5", "-1", "", "null", "many"),
    "voucher_amount": (None, "", "-1", "1e16", "nan", "free"),
}
_USUAL: dict[str, tuple[str | None, ...]] = {
    "timestamp": _DAYS,
    "country_code": _COUNTRIES,
    "last_order_ts": _LAST,
    "first_order_ts": _FIRST,
    "total_orders": _ORDERS,
    "voucher_amount": _AMOUNTS,
}
_DATES = ("2018-09-15", "2018-09-16", "2018-10-01", "2018-07-02")
_WINDOWS: tuple[Any, ...] = (
    "all",
    {"last_days": 1},
    {"last_days": 26},
    {"from": "2018-07-02"},
    {"to": "2018-07-01"},
    {"from": "2018-07-02", "to": "2018-08-20"},
)
_GATES: tuple[dict[str, Any], ...] = (
    {"least_kept_rows": 4},
    {"least_kept_rows": 1_000},
    {"most_malformed_share": 0.1},
    {"most_rejected_rise": 0.05},
    {"most_lost_segments": 0},
    {"least_support_of_change": 3},
    {"most_lost_segments": 1, "least_support_of_change": 100},
)
_MEASURES = (
    "total_orders",
    "days_since_last_order",
    "days_since_last_order_when_given",
    "months_since_first_order",
)
_CUTS = {"total_orders": (0, 1, 2, 3, 5, 9), "months_since_first_order": (0, 3, 4, 11, 12)}
_CUTS_OF_DAYS = (-15, 0, 1, 29, 30, 31, 60, 135)


def steps(draw: Random, length: int, *, begins: bool = False) -> list[Step]:
    """Draw a sequence, which begins with some files; `begins`: then with a full run that is published."""
    first = {"do": "put", "key": f"{SOURCES}a/0.parquet", "rows": [_usual_row(draw)]}
    kinds = ["put"] * 4 + draw.choices([*_WEIGHTS], [*_WEIGHTS.values()], k=length)
    drawn = [_STEPS[kind](draw) | {"do": kind} for kind in kinds]
    return [first, {"do": "full", "source": "a/0.parquet"}, *drawn] if begins else drawn


def settings(draw: Random) -> Settings:
    """Draw the settings of a stage."""
    return Settings(
        segments=definitions(draw),
        null_dates=draw.choice([("1900-01-01",), ()]),
        fallback=draw.choice(["none", "none", "country"]),
        least_support=draw.choice([1, 2, 5]),
        kept_versions=draw.choice([3, 4]),
        inbox_overlap=draw.choice(["refuse", "add", "replace"]),
    )


def definitions(draw: Random) -> dict[str, Any]:
    """Draw one or two segmentations of one to three segments."""
    return {
        "segmentations": [
            _segmentation(draw, name, measure)
            for name, measure in zip("xy", draw.sample(_MEASURES, draw.choice([1, 2, 2])), strict=False)
        ]
    }


def customers(draw: Random, model: Model | None) -> Iterator[Any]:
    """Draw customers to ask for: around the bounds of the model's segments, anywhere, and such as cannot be read."""
    for number in range(12):
        yield {"customer_id": number, **_customer(draw, model)}
    yield draw.choice([None, [], "Peru", 7, {}])


def _customer(draw: Random, model: Model | None) -> Row:
    names = [each["name"] for each in model.definitions["segmentations"]] if model else ["x"]
    asked: Row = {"country_code": draw.choice(_COUNTRIES), "segment_name": draw.choice(names)}
    for name in ("total_orders", "last_order_ts", "first_order_ts"):
        if draw.random() < 0.6:
            asked[name] = draw.choice(_USUAL[name])
    if model and draw.random() < 0.8:
        asked |= _at_a_bound(draw, model, asked["segment_name"])
    if draw.random() < 0.3:
        asked |= {
            "fallback": draw.choice(["country", "none", None, " "]),
            "least_support": draw.choice([1, 2, 9, None]),
        }
    if draw.random() < 0.15:
        asked |= draw.choice(_ODD_FIELDS)
    return asked


_ODD_FIELDS: tuple[Row, ...] = (
    {"country_code": "China"},
    {"country_code": " "},
    {"country_code": 5},
    {"segment_name": "z"},
    {"segment_name": None},
    {"total_orders": "2.5"},
    {"total_orders": -1},
    {"total_orders": 3.0},
    {"total_orders": []},
    {"total_orders": 0},
    {"last_order_ts": 20180503},
    {"last_order_ts": "2018-02-30"},
    {"last_order_ts": "null", "first_order_ts": "\\N"},
    {"first_order_ts": "2019-01-01"},
    {"fallback": "world"},
    {"least_support": 0},
    {"least_support": "2.0", "fallback": "country"},
    {"last_order_ts": "2018-08-16T23:30:00-02:00"},
)


def _at_a_bound(draw: Random, model: Model, name: str) -> Row:
    """Return the field of a customer at, or beside, a bound of a segment."""
    segmentation = next(each for each in model.definitions["segmentations"] if each["name"] == name)
    segment = draw.choice(segmentation["segments"])
    bound = draw.choice([segment["lower"], segment["upper"] or segment["lower"]]) + draw.choice([-1, 0, 1])
    match segmentation["measure"]:
        case "total_orders":
            return {"total_orders": draw.choice([bound, str(bound)])}
        case "months_since_first_order":
            months = 12 * model.cur_date.year + model.cur_date.month - 1 - bound
            return {"first_order_ts": str(date(months // 12, months % 12 + 1, draw.choice([1, 28])))}
        case _:
            return {"last_order_ts": f"{model.cur_date - timedelta(days=bound)} {draw.choice(['00:00', '23:59'])}"}


def _segmentation(draw: Random, name: str, measure: str) -> dict[str, Any]:
    known = _CUTS.get(measure, _CUTS_OF_DAYS)
    cuts = sorted(draw.sample(known, draw.randint(2, 4)))
    uppers: list[int | None] = [cut - 1 for cut in cuts[1:]]
    segments = [
        {"name": f"from{lower}", "lower": lower, "upper": upper}
        for lower, upper in zip(cuts, [*uppers, draw.choice([None, cuts[-1]])], strict=True)
    ]
    return {"name": name, "measure": measure, "segments": segments, "outside": draw.choice([None, "outside"])}


def _usual_row(draw: Random) -> Row:
    return {name: draw.choice(values) for name, values in _USUAL.items()}


def _row(draw: Random) -> Row:
    odd = draw.choice([*_ODD]) if draw.random() < 0.25 else None
    return _usual_row(draw) | ({odd: draw.choice(_ODD[odd])} if odd else {})


def _rows(draw: Random) -> list[Row] | None:
    if draw.random() < 0.04:
        return None
    rows = [_row(draw) for _ in range(draw.randint(1, 6))]
    return rows + draw.choices(rows, k=draw.randint(0, 3))


def _some(draw: Random, **choices: Sequence[Any]) -> dict[str, Any]:
    """Return each key with one of its choices, or without one."""
    return {name: draw.choice(values) for name, values in choices.items() if draw.random() < 0.3}


def _of_gate(draw: Random) -> dict[str, Any]:
    return {"gate": draw.choice(_GATES)} if draw.random() < 0.5 else {}


def _of_history(draw: Random) -> Step:
    places = ("", "", *_FOLDERS, *_FOLDERS, *_FOLDERS, f"a/{_NAMES[0]}", f"b/{_NAMES[1]}")
    asked = _some(draw, cur_date=_DATES, window=_WINDOWS, null_dates=([], ["1900-01-01"], ["2018-07-02"]))
    return {"source": draw.choice(places), **asked, **_some(draw, unusable=["leave_out"]), **_of_gate(draw)}


def _full(draw: Random) -> Step:
    return _of_history(draw) | _some(draw, countries=[["Peru"], ["PERU", "latvia"], ["latvia"], ["China", "Peru"]])


def _append(draw: Random) -> Step:
    overlaps = draw.choice([{}, {"overlap": "refuse"}, {"overlap": "add"}, {"overlap": "replace"}])
    countries = {"countries": draw.choice([["peru"], ["LATVIA", "Peru"]])} if draw.random() < 0.1 else {}
    return _of_history(draw) | overlaps | countries


def _what_if(draw: Random) -> Step:
    asked = _some(draw, cur_date=_DATES, window=_WINDOWS, segments=[definitions(draw)])
    return asked | ({"which": draw.randrange(20)} if draw.random() < 0.3 else {})


def _remodel(draw: Random) -> Step:
    return _what_if(draw) | _of_gate(draw) | _some(draw, publish=[True, False], scheduled=[True])


def _rollback(draw: Random) -> Step:
    return {"which": draw.choice([None, None, draw.randrange(10)])}


def _approve(draw: Random) -> Step:
    return {"which": draw.randrange(20), "held": draw.random() < 0.9} | _some(draw, overlap=["add", "replace"])


def _put(draw: Random) -> Step:
    return {"key": SOURCES + draw.choice(_FOLDERS) + draw.choice(_NAMES), "rows": _rows(draw)}


def _drop(draw: Random) -> Step:
    return {"key": f"inbox/{draw.choice(_NAMES)}", "rows": _rows(draw)}


def _assign(draw: Random) -> Step:
    asked = [_row(draw) | {"segment_name": draw.choice("xyz")} for _ in range(draw.randint(1, 9))]
    kept = ("country_code", "total_orders", "last_order_ts", "first_order_ts", "segment_name")
    rows = [{"customer_id": number, **{name: row[name] for name in kept}} for number, row in enumerate(asked)]
    of_run = _some(draw, segment_name="xxyz", fallback=["country", "none"], least_support=[1, 2], format=["csv"])
    return {"rows": rows, **of_run}


_STEPS: dict[str, Callable[[Random], Step]] = {
    "put": _put,
    "remove": _put,
    "full": _full,
    "append": _append,
    "remodel": _remodel,
    "what_if": _what_if,
    "rollback": _rollback,
    "approve": _approve,
    "assign": _assign,
    "drop": _drop,
}
