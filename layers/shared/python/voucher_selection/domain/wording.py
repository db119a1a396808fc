"""Words for people: amounts, times, segments and runs, the same on pages, in the terminal and in messages."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from voucher_selection.contract.runs import RUN_KINDS
from voucher_selection.domain.changes import Cause
from voucher_selection.domain.evidence import LOW_SUPPORT, Evidence, evidence_of

if TYPE_CHECKING:
    from voucher_selection.domain.measures import Measure
    from voucher_selection.domain.model import Mode

_DIGITS = 15  # what a double keeps of any decimal number
_LEAST, _TOO_LONG = 1e-6, 1e21  # outside these bounds a decimal writing is mostly zeros
_STATUSES = {"TIMED_OUT": "timed out"}
_OUTCOMES = {
    "published": "published a model",
    "superseded": "a newer model stays served",
    "nothing_new": "had nothing new to publish",
    "what_if": "published nothing: a what-if",
    "assigned": "gave customers their amounts",
}
_MOST_NAMES = 5
_MOST_MONTHS = 12
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def amount(value: float) -> str:
    """Return a voucher amount in full, with a decimal point only where it has decimals."""
    text = f"{value:.{_DIGITS}g}"
    return f"{Decimal(text):f}" if "e" in text and _LEAST <= abs(value) < _TOO_LONG else text


def money(value: float) -> str:
    """Return a sum of amounts in full, with separated thousands, and decimals only where it has some."""
    return f"{Decimal(repr(value)).normalize():,f}"


def number(value: float) -> str:
    """Return a number rounded to a whole one, with separated thousands."""
    return f"{value:,.0f}"


def first_of(names: Sequence[str], count: int) -> str:
    """Return the number of objects, and the first of their names; `names` has at least these."""
    objects = "1 object" if count == 1 else f"{number(count)} objects"
    shown = names[:_MOST_NAMES]
    return f"{objects}: {', '.join(shown)}{' …' if count > len(shown) else ''}"


def assigned(found: Mapping[str, Any]) -> str:
    """Return when vouchers were given (`AssignedOn` as JSON), as a phrase; empty if none were.

    It has the first and the last day, and the rows of the last 12 months.
    """
    months = [f"{month} {number(count)}" for month, count in found.get("months", {}).items()]
    others = ((found.get("other_months"), "in other months"), (found.get("undated"), "without a day"))
    earlier = ["…"] if len(months) > _MOST_MONTHS else []
    days = " to ".join(dict.fromkeys(found.get("days") or ()))
    rows = [*earlier, *months[-_MOST_MONTHS:], *(f"{number(count)} {what}" for count, what in others if count)]
    late = found.get("before_last_order")
    before = f"; {number(late)} of these before the last order" if late else ""
    return f"{days}: " * bool(days) + ", ".join(rows) + before


def percent(share: float) -> str:
    """Return a share from 0 to 1 in percent; only 0 reads as 0.0 %, and only 1 as 100.0 %."""
    if 0 < share < 0.001:  # noqa: PLR2004 - what one decimal shows
        return "< 0.1 %"
    if 0.999 < share < 1:  # noqa: PLR2004
        return "> 99.9 %"
    return f"{100 * share:.1f} %"


def points(share: float | None, other: float | None) -> str:
    """Return how many percentage points a share is above another, with its sign; `-` if either is unknown."""
    if share is None or other is None:
        return "-"
    difference = round(100 * (share - other), 1)
    return f"{difference:+.1f}" if difference else "0.0"


USED_MOST = "This describes what was given: what is used most need not work best."
"""What people should know of every figure about agreement."""


CAUSES = {
    Cause.OWN: "the amounts given in it changed",
    Cause.SHIFT: "only the sizes of its parts changed",
}
"""Why another amount is used most than in the month before, of a segment or a country."""


def moment(value: str | datetime) -> str:
    """Return a time in UTC to the second."""
    time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units, and in tenths of a second below a minute."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    whole = timedelta(seconds=round(seconds))
    hours, rest = divmod(whole.seconds, 3_600)
    parts = [(whole.days, "d"), (hours, "h"), (rest // 60, "min"), (rest % 60, "s")]
    first = next(place for place, (value, _) in enumerate(parts) if value)
    return " ".join(f"{value} {unit}" for value, unit in parts[first : first + 2] if value)


def age(seconds: float) -> str:
    """Return how long ago something was, in its largest unit."""
    for unit, size in _UNITS:
        count = int(seconds // size)
        if count:
            return f"{count} {unit}{'s' * (count != 1)} ago"
    return "just now"


def evidence(mode: "Mode") -> Evidence:
    """Return how much the counts behind a mode say."""
    return evidence_of([assignment.count for assignment in mode.assignments], mode.others.assignments)


EVIDENCE = {
    Evidence.CLEAR: "clear",
    Evidence.NEAR_TIE: "near tie",
    Evidence.THIN: "thin",
    Evidence.NONE: "no evidence",
}
"""The mark of a segment."""


def clarity(mode: "Mode") -> str:
    """Return how clear the win of a mode is, as a sentence."""
    runner_up = mode.runner_up
    if runner_up is None:
        behind = f"No other amount was given in this {mode.basis}."
    else:
        lead = mode.assignments[0].count - runner_up.count
        share = percent(runner_up.count / mode.support)
        behind = f"The runner-up, {amount(runner_up.voucher_amount)}, has {share}; the lead is {_assignments(lead)}."
    match evidence(mode):
        case Evidence.THIN:
            return f"Thin evidence: fewer than {LOW_SUPPORT} assignments stand behind it. {behind}"
        case Evidence.NEAR_TIE:
            return f"A near tie: so small a lead may be chance. {behind}"
        case _:
            return f"A clear win. {behind}"


def why_country(measure: "Measure", value: int | None, segment: str | None, cur_date: date) -> str:
    """Return why the country's amount answers a customer, not a segment's; `segment` is None if none holds `value`."""
    if value is None:
        return f"The customer's {measure.needs} are not known."
    reason = "No segment holds that." if segment is None else f"Segment {segment} holds that, with too little support."
    return f"{measure.why(value, cur_date)} {reason}"


def cost_of_country(cost: Mapping[str, Any]) -> str:
    """Return what the customers of a country cost (`assignment_costs.CostOfCountry`), as a sentence."""
    customers = f"{number(cost['customers'])} customer{'s' * (cost['customers'] != 1)}"
    by = f"{number(cost['by_segment'])} by segment, {number(cost['by_country'])} by country"
    text = f"{cost['country_code']}: {customers} ({by}) get {money(cost['sum'])} in all"
    if cost["country_sum"] is None:
        return text
    return f"{text}; with {amount(cost['country_amount'])} for each of them, {money(cost['country_sum'])}"


def status(name: str) -> str:
    """Return the status that Step Functions gives an execution in words."""
    return _STATUSES.get(name, name.lower())


def state_name(name: str) -> str:
    """Return the name of a state of the state machine in words: that of a map is its item's, `Clean`."""
    return name.removesuffix("Shards")


def kind(mode: str) -> str:
    """Return a kind of run with its label: `full: count a whole history`."""
    return next((f"{mode}: {known.label}" for known in RUN_KINDS if known.mode == mode), mode)


def outcome(name: str) -> str:
    """Return what a run did to the served model (`summaries.Outcome`), in words; the run is their subject."""
    return _OUTCOMES.get(name, name)


def _assignments(count: int) -> str:
    return f"{number(count)} assignment{'s' * (count != 1)}"
