"""The readers of `model.json` beside our own lookups: equal answers to customers in JSON, and what a lookup costs."""

import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from benchmarks.contenders.offline_readers import READERS, Answered
from benchmarks.json_customers import asked_customers
from benchmarks.random_customers import odd_model
from voucher_selection.domain.errors import VoucherSelectionError
from voucher_selection.domain.fallbacks import ONLY_SEGMENTS, Fallback
from voucher_selection.domain.lookups import CODES, LookupRequest, look_up
from voucher_selection.domain.model import Model
from voucher_selection.domain.offline_model import offline_model

OURS = "our lookups, in Python"
AT_ONCE = 50_000
"""The customers of a part: a million with all their answers would take gigabytes."""
_STAGES = (
    ("UTC", ONLY_SEGMENTS),
    ("Europe/Riga", Fallback("country", 30)),
    ("America/Lima", Fallback("country", 1)),
)


class Proved(NamedTuple):
    """The microseconds of a lookup of each reader, the median of all parts; and how often each answer occurs."""

    microseconds: dict[str, float]
    found: Counter[str]


def prove_readers(customers: int) -> Proved:
    """Have all readers answer customers of several models; raise `SystemExit` if an answer is not ours."""
    seconds: dict[str, list[float]] = {}
    found = Counter[str]()
    for model, fallback, asked in _parts(customers):
        ours = in_ours(model, fallback, asked)
        document = json.loads(json.dumps(offline_model(model, fallback)))
        seconds.setdefault(OURS, []).append(ours.seconds / len(asked))
        found.update(answer.get("problem") or answer["basis"] for answer in ours.answers)
        for name, answer in READERS.items():
            answered = answer(document, asked)
            seconds.setdefault(name, []).append(answered.seconds / len(asked))
            for customer, expected, got in zip(asked, ours.answers, answered.answers, strict=True):
                if expected != got:
                    raise SystemExit(f"{name}: expected {expected} for {customer}, got {got}")
    return Proved({name: statistics.median(taken) * 1e6 for name, taken in seconds.items()}, found)


def in_ours(model: Model, fallback: Fallback, asked: Sequence[object]) -> Answered:
    """Answer as `POST /voucher` does, in this process, without HTTP and JSON; of a problem, only its code."""

    def answer(customer: object) -> dict[str, Any]:
        try:
            return {**look_up(model, LookupRequest.parse(customer, model.time_zone), fallback)}
        except VoucherSelectionError as error:
            return {"problem": CODES[type(error)]}

    started = time.perf_counter()
    answers = [answer(customer) for customer in asked]
    return Answered(time.perf_counter() - started, answers)


def _parts(customers: int) -> Iterator[tuple[Model, Fallback, list[object]]]:
    for part, first in enumerate(range(0, customers, AT_ONCE)):
        zone, fallback = _STAGES[part % len(_STAGES)]
        model = replace(odd_model(part), time_zone=zone)
        yield model, fallback, list(asked_customers(model, min(AT_ONCE, customers - first), part))
