"""The form on the report page that looks for best ranges, and what can be done with the ranges that are found."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from voucher_selection.api.what_if_form import WhatIfForm, fields_to_try
from voucher_selection.contract.limits import MOST_RANGES
from voucher_selection.domain.country_keys import by_key, country_key
from voucher_selection.domain.errors import InvalidRequest
from voucher_selection.domain.evidence import LOW_SUPPORT
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import Model
from voucher_selection.domain.ranges import ranges_of
from voucher_selection.domain.ranges_found import BestRanges, RangesFound
from voucher_selection.domain.requests import BestRangesRequest
from voucher_selection.domain.validation import listed
from voucher_selection.domain.windows import Window

# The what-if form on the same page has a field `window`.
_KEYS = {"best_window": "window"}


@dataclass(frozen=True)
class BestRangesForm:
    """The form: its fields as text, a message for each invalid one, and the request that they mean.

    The fields are `measure`, `countries` (separated by commas; empty: all), `most_ranges`, `least_support`, and
    `best_window` (days of assignment). CUR_DATE is that of the served model.
    """

    is_sent: bool
    fields: Mapping[str, str]
    errors: Mapping[str, str]
    asked: BestRangesRequest | None

    @classmethod
    def of(cls, model: Model, query: Mapping[str, str]) -> Self:
        """Read the form from a page's query; missing fields have their usual values."""
        usual = {
            "measure": Measure.TOTAL_ORDERS.value,
            "countries": "",
            "most_ranges": str(MOST_RANGES // 2),
            "least_support": str(LOW_SUPPORT),
            "best_window": model.window.written,
        }
        fields = {name: query.get(name, value).strip() for name, value in usual.items()}
        request = _request_of(model, fields)
        errors: dict[str, str] = {}
        asked = None
        try:
            asked = BestRangesRequest.parse(request)
        except InvalidRequest as error:
            names = {key: name for name, key in _KEYS.items()}
            for problem in error.problems:
                key = problem.field.partition(".")[0]
                errors.setdefault(names.get(key, key), problem.detail)
        if unknown := _unknown(model, request.get("countries", ())):
            errors.setdefault("countries", f"expected some of {listed(model.countries)}, got {listed(unknown)}")
        return cls("best_ranges" in query, fields, errors, asked)

    def request(self) -> BestRangesRequest:
        """Return the request of a form without errors."""
        if self.asked is None:
            raise InvalidRequest(f"expected a form without errors, got {', '.join(self.errors)}")
        return self.asked


class Offer(NamedTuple):
    """Ranges that were found, and what can be done with them.

    `new_from` is how many ranges were enough to find them first: less than `found.most_ranges` if more ranges agree
    with no more assignments. `what_if` is the query of the page that tries them, and `segments` all definitions with
    them, as JSON; both are empty if these definitions would be invalid.
    """

    found: RangesFound
    ranges: str
    new_from: int
    what_if: str
    segments: str

    @property
    def is_new(self) -> bool:
        """Whether fewer ranges do not find the same."""
        return self.new_from == self.found.most_ranges


def offers(model: Model, window: Window, best: BestRanges) -> list[Offer]:
    """Return what an answer offers, for each number of ranges; `window` has the days that were searched."""
    return [_offer(model, window, best.cur_date, found, first) for found, first in _with_first(best.found)]


def _offer(model: Model, window: Window, cur_date: date, found: RangesFound, first: int) -> Offer:
    fields = fields_to_try(model, found.definition, cur_date, window)
    form = WhatIfForm.of(model, fields)
    ranges = ranges_of(found.definition)
    if form.errors or form.definitions is None:
        return Offer(found, ranges, first, "", "")
    return Offer(found, ranges, first, urlencode(fields), form.definitions.model_dump_json())


def _with_first(found: list[RangesFound]) -> Iterator[tuple[RangesFound, int]]:
    """Yield what was found for each number of ranges, with the least number that finds the same."""
    first = 1
    if found:
        yield found[0], first
    for before, now in pairwise(found):
        if now.definition != before.definition:
            first = now.most_ranges
        yield now, first


def _request_of(model: Model, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return the request that the fields ask for, not yet checked."""
    request: dict[str, Any] = {_KEYS.get(name, name): text for name, text in fields.items() if text}
    for name in ("most_ranges", "least_support"):
        if name in request:
            request[name] = _whole_number(request[name])
    if "countries" in request:
        request["countries"] = [name.strip() for name in request["countries"].split(",") if name.strip()]
    return request | {"cur_date": model.cur_date.isoformat()}


def _whole_number(text: str) -> int | str:
    """Return a whole number; a text that is none stays as it is, and the request's check names it."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 12 else text  # noqa: PLR2004 - no history has more rows


def _unknown(model: Model, countries: Sequence[str]) -> list[str]:
    known = by_key(model.countries)
    return [country for country in countries if country_key(country) not in known]
