"""What the quality gate must hold back, in the words of the docs."""

from collections import Counter
from collections.abc import Iterator

from benchmarks.states.models import RULES, Facts, Model, Refused, most_used, spelling


def check_gate(model: Model, totals: Counter[str] | None, served: Model | None, gate: Facts) -> None:
    """Raise `Refused` if a model does not meet a threshold; without `totals`, only its segments are compared."""
    if totals is not None and any(_faults_of_rows(totals, served.counts.totals if served else None, gate)):
        raise Refused("HeldBack")
    if served is not None and any(_faults_of_segments(model, served, gate)):
        raise Refused("HeldBack")


def _share(totals: Counter[str], rule: str) -> float:
    own = totals["rows_read"] - totals["other_country"]
    return totals[rule] / own if own else 0.0


def _faults_of_rows(totals: Counter[str], before: Counter[str] | None, gate: Facts) -> Iterator[bool]:
    most_malformed, least_kept, most_rise = map(
        gate.get, ("most_malformed_share", "least_kept_rows", "most_rejected_rise")
    )
    yield most_malformed is not None and _share(totals, "malformed") > most_malformed
    yield least_kept is not None and totals["kept"] < least_kept
    if most_rise is not None and before is not None:
        yield any(_share(totals, rule) - _share(before, rule) > most_rise for rule in RULES)


def _faults_of_segments(model: Model, served: Model, gate: Facts) -> Iterator[bool]:
    """Compare the segments that both models have, whatever their countries are spelled like."""
    before = {(spelling(country), *rest): amounts for (country, *rest), amounts in served.segments.items() if amounts}
    pairs = [
        (amounts, before[key])
        for (country, *rest), amounts in model.segments.items()
        if (key := (spelling(country), *rest)) in before
    ]
    most_lost, least = gate.get("most_lost_segments"), gate.get("least_support_of_change")
    yield most_lost is not None and sum(not amounts for amounts, _ in pairs) > most_lost
    yield least is not None and any(
        0 < amounts.total() < least and most_used(amounts) != most_used(known) for amounts, known in pairs
    )
