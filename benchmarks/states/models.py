"""Models in plain Python, as the docs describe them: from rows that count to what the API answers of a model."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from local.quickstart.proof import reference

type Row = dict[str, Any]
type Amounts = Counter[float]
type Facts = dict[str, Any]

RULES = tuple(reference.RULES)


class Refused(Exception):
    """A run that fails, or a customer without an amount; the text is the error's name, or the problem's code."""


@dataclass(frozen=True)
class Settings:
    """The settings of a stage that matter here, with their names there."""

    segments: Facts
    countries: tuple[str, ...] = ("Peru", "Latvia")
    cur_date: str = "2018-09-15"
    null_dates: tuple[str, ...] = ("1900-01-01",)
    fallback: str = "none"
    least_support: int = 1
    kept_versions: int = 3
    inbox_overlap: str = "refuse"


@dataclass(frozen=True)
class Counts:
    """The rows that count, the objects that they come from, and what became of all rows that were read."""

    run_id: str
    countries: tuple[str, ...]
    rows: Sequence[Row]
    objects: frozenset[str]
    totals: Counter[str]


@dataclass(frozen=True)
class Model:
    """A version: what it was made from, and the amounts of each segment and country."""

    run_id: str
    place: float
    counts: Counts
    cur_date: date
    window: Facts
    definitions: Facts
    segments: Mapping[tuple[str, str, str], Amounts]
    of_countries: Mapping[str, Amounts]
    expires: bool = False


def spelling(name: str) -> str:
    """Return what all spellings of a country have in common, those with a Turkish i aside."""
    return unicodedata.normalize("NFC", " ".join(name.split()).casefold())


def model_of(run_id: str, place: float, counts: Counts, cur_date: date, window: Facts, definitions: Facts) -> Model:
    """Return the model of some counts; raise `Refused` if none of them is in the window."""
    rows = [row for row in counts.rows if _is_within(row["timestamp"], window, cur_date)]
    if window and not rows:
        raise Refused("EmptyWindow")
    segments: dict[tuple[str, str, str], Amounts] = {
        (country, segmentation["name"], segment["name"]): Counter()
        for country in counts.countries
        for segmentation in definitions["segmentations"]
        for segment in _with_outside(segmentation)
    }
    of_countries: dict[str, Amounts] = {country: Counter() for country in counts.countries}
    for row in rows:
        of_countries[row["country_code"]][row["voucher_amount"]] += 1
        for segmentation in definitions["segmentations"]:
            value = measured(segmentation["measure"], row, cur_date, row["timestamp"])
            segment = None if value is None else segment_of(segmentation, value)
            if segment is not None:
                segments[row["country_code"], segmentation["name"], segment][row["voucher_amount"]] += 1
    return Model(run_id, place, counts, cur_date, window, definitions, segments, of_countries)


def ranked(amounts: Amounts) -> list[Facts]:
    """Return amounts as answers list them: the one used most first, and of equals the smaller one."""
    in_order = sorted(amounts.items(), key=lambda found: (-found[1], found[0]))
    return [{"voucher_amount": amount, "count": count} for amount, count in in_order]


def most_used(amounts: Amounts) -> float | None:
    """Return the amount used most; None without any."""
    return ranked(amounts)[0]["voucher_amount"] if amounts else None


def mode_of(country: str, amounts: Amounts) -> Facts:
    """Return the mode of a segment or country, as answers have it."""
    assignments = ranked(amounts)
    support = amounts.total()
    return {
        "country_code": country,
        "voucher_amount": assignments[0]["voucher_amount"] if assignments else None,
        "support": support,
        "share": assignments[0]["count"] / support if assignments else None,
        "assignments": assignments,
    }


def rows_of(totals: Counter[str]) -> Facts:
    """Return what became of rows, as records and reports have it."""
    numbers = {name: totals[name] for name in ("rows_read", "other_country", "kept", "replaced")}
    return {"rows": {**numbers, "rejected": {rule: totals[rule] for rule in RULES}}}


def criteria(model: Model) -> Facts:
    """Return what `GET /selection_criteria` must answer."""
    bounds = {(s["name"], each["name"]): each for s in model.definitions["segmentations"] for each in _with_outside(s)}
    return {
        "model": {
            "version": model.run_id,
            "run_id": model.run_id,
            "cur_date": str(model.cur_date),
            "window": model.window,
        },
        "segments": [
            {
                "segment_name": segmentation,
                "segment": segment,
                "lower": bounds[segmentation, segment]["lower"],
                "upper": bounds[segmentation, segment]["upper"],
                **mode_of(country, amounts),
            }
            for (country, segmentation, segment), amounts in model.segments.items()
        ],
        "country_modes": [mode_of(country, amounts) for country, amounts in model.of_countries.items()],
    }


def report(model: Model) -> Facts:
    """Return what `GET /model` must answer, as far as it is of a model alone."""
    return {
        **criteria(model)["model"],
        "counts_run_id": model.counts.run_id,
        "countries": list(model.counts.countries),
        "definitions": model.definitions,
        **rows_of(model.counts.totals),
        "leads": [_lead(ranked(amounts)) for amounts in model.segments.values()],
    }


def measured(measure: str, customer: Row, cur_date: date, given: datetime | None) -> int | None:
    """Return the value that a segmentation splits by; a customer who is asked for is given a voucher on CUR_DATE."""
    last, first = customer["last_order_ts"], customer["first_order_ts"]
    match measure:
        case "total_orders":
            found: int | None = customer["total_orders"]
            return found
        case "days_since_last_order":
            return (cur_date - last.date()).days if last else None
        case "days_since_last_order_when_given":
            return (given.date() - last.date()).days if last and given else None
        case _:
            return reference.month_number(cur_date) - reference.month_number(first) if first else None


def segment_of(segmentation: Facts, value: int) -> str | None:
    """Return the name of the segment that holds a value; None: none does."""
    for segment in segmentation["segments"]:
        if segment["lower"] <= value and (segment["upper"] is None or value <= segment["upper"]):
            return str(segment["name"])
    outside: str | None = segmentation["outside"]
    return outside


def _is_within(given: datetime | None, window: Facts, cur_date: date) -> bool:
    if not window:
        return True
    if given is None:
        return False
    first, last = window.get("from"), window.get("to")
    if "last_days" in window:
        first, last = str(cur_date - timedelta(days=window["last_days"] - 1)), str(cur_date)
    return (first or "") <= str(given.date()) <= (last or "9999")


def _with_outside(segmentation: Facts) -> Iterator[Facts]:
    yield from segmentation["segments"]
    if segmentation["outside"]:
        yield {"name": segmentation["outside"], "lower": None, "upper": None}


def _lead(amounts: list[Facts]) -> Facts:
    first, second = ([each["count"] for each in amounts] + [0, 0])[:2]
    near = "near_tie" if second and (first - second) ** 2 < 3.84 * (first + second) else "clear"
    support = sum(each["count"] for each in amounts)
    return {
        "runner_up": amounts[1]["voucher_amount"] if second else None,
        "lead": first - second if second else None,
        "evidence": "none" if not amounts else "thin" if support < 30 else near,
    }
