"""Amounts over time as strips: a cell for each month, with the amount used most, and why it changes."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple, cast

from voucher_selection.api.charts import heat_level
from voucher_selection.domain.changes import Cause
from voucher_selection.domain.quality_document import AmountsOfCountryMonth, AmountsOfMonth
from voucher_selection.domain.wording import CAUSES, amount


class StripCell(NamedTuple):
    """A month: the amount used most, its share, the level of its color, all assignments, and why it has changed."""

    amount: str
    share: float
    level: int
    support: int
    change: Cause | None


class Strip(NamedTuple):
    """The months of a segment or a country; None for a month without assignments."""

    name: str
    cells: tuple[StripCell | None, ...]


class Strips(NamedTuple):
    """Strips over the same months, and each change as a sentence."""

    months: tuple[str, ...]
    strips: tuple[Strip, ...]
    changes: tuple[str, ...]


def strips(months: Sequence[str], series: Mapping[str, Sequence[AmountsOfMonth]]) -> Strips:
    """Return the strips of some series over `months`; other months of theirs are left out."""
    return Strips(
        tuple(months),
        tuple(Strip(name, tuple(_cells(months, found))) for name, found in series.items()),
        tuple(sentence for name, found in series.items() for sentence in _changes(name, found, set(months))),
    )


def _cells(months: Sequence[str], found: Sequence[AmountsOfMonth]) -> Iterator[StripCell | None]:
    by_month = {month["month"]: month for month in found}
    for name in months:
        month = by_month.get(name)
        if month is None:
            yield None
            continue
        share = month["amounts"][0]["count"] / month["support"]
        change = month["change"] and Cause(month["change"])
        yield StripCell(amount(month["voucher_amount"]), share, heat_level(share), month["support"], change)


def _changes(name: str, found: Sequence[AmountsOfMonth], shown: set[str]) -> Iterator[str]:
    for before, now in pairwise(found):
        if now["change"] and now["month"] in shown:
            yield (
                f"{now['month']}, {name}: {amount(now['voucher_amount'])} instead of"
                f" {amount(before['voucher_amount'])}: {CAUSES[Cause(now['change'])]}{_between(now)}."
            )


def _between(month: AmountsOfMonth) -> str:
    """Return between whose segments the change of a country is a shift."""
    names = cast("AmountsOfCountryMonth", month).get("shift_between") or ()
    return f", the segments of {' and of '.join(names)}" if names else ""
