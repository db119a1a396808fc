"""Questions about counts: what another model would change, and which ranges are best. Nothing is written."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from pydantic import BaseModel

from voucher_selection.adapters.stores import Stores
from voucher_selection.contract.questions import BEST_RANGES, QUESTIONS, WHAT_IF
from voucher_selection.domain.best_ranges import best_ranges
from voucher_selection.domain.country_keys import by_key, country_key
from voucher_selection.domain.errors import InvalidRequest
from voucher_selection.domain.ranges_found import BestRanges
from voucher_selection.domain.requests import BestRangesRequest, WhatIfRequest
from voucher_selection.domain.time_zones import day_in
from voucher_selection.domain.validation import FieldProblem, listed
from voucher_selection.domain.windows import ALL_DAYS
from voucher_selection.pipeline.counts_to_build_on import base_if_served, counts_to_model, read_counts
from voucher_selection.pipeline.publishing import counts_in_window
from voucher_selection.pipeline.remodelling import make_what_if


class _Question(NamedTuple):
    """A question: the class of its request, and the function that answers it."""

    request: type[WhatIfRequest | BestRangesRequest]
    answer: Callable[[datetime, Any, Stores, date | None], BaseModel]


def answer_of(question: str, request: object, asked_at: datetime, stores: Stores, cur_date: date | None) -> BaseModel:
    """Return the answer to a question (`contract.questions`) about counts.

    `cur_date` is the CUR_DATE of a request that names none; if it is None too, it is the day of `asked_at` in the time
    zone of the counts. Each question's function says what it raises; also `InvalidRequest`.
    """
    asked = _ANSWERED[question]
    return asked.answer(asked_at, asked.request.parse(request), stores, cur_date)


def find_best_ranges(
    asked_at: datetime, request: BestRangesRequest, stores: Stores, cur_date: date | None
) -> BestRanges:
    """Return the best ranges of a measure, from the counts of the served model or of a named run.

    Raises
    ------
    NoCounts, OldCounts, EmptyWindow, ObjectAltered, ObjectMissing
        As `make_what_if`.
    InvalidRequest
        The counts do not have a country that the request names.
    TooFine, TooLittleSupport
        The measure has too many values, or the assignments are fewer than the least support.
    """
    base = base_if_served(stores.catalog)
    origin, known, time_zone, ledger = counts_to_model(request.run_id, base, stores.lake)
    counted_to = request.cur_date or cur_date or day_in(asked_at, time_zone)
    window = request.window or (base.served.window if base else ALL_DAYS)
    counts = counts_in_window(read_counts(stores.lake, origin.run_id, ledger), window, counted_to)
    return best_ranges(
        counts,
        request.measure,
        counted_to,
        _countries(request, known),
        most_ranges=request.most_ranges,
        least_support=request.least_support,
        name=request.name,
    )


def _countries(request: BestRangesRequest, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the counts' names of the countries that a request names."""
    names = by_key(known)
    asked = request.countries or known
    if unknown := [country for country in asked if country_key(country) not in names]:
        problem = FieldProblem("countries", f"expected some of {listed(known)}, got {listed(unknown)}")
        raise InvalidRequest(str(problem), [problem])
    return tuple(names[country_key(country)] for country in asked)


_ANSWERED: Mapping[str, _Question] = {
    WHAT_IF: _Question(WhatIfRequest, make_what_if),
    BEST_RANGES: _Question(BestRangesRequest, find_best_ranges),
}
if _ANSWERED.keys() != set(QUESTIONS):
    raise TypeError("expected an answer to exactly the questions of the contract")
