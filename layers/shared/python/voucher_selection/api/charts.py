"""Charts as numbers, so that a template can draw them as SVG or as a table without computing anything."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from voucher_selection.contract.rule_names import label
from voucher_selection.domain.assigned_on import AssignedOn
from voucher_selection.domain.model import Mode, SegmentMode
from voucher_selection.domain.totals import Totals
from voucher_selection.domain.wording import amount

_HEAT_LEVELS = 9


class Bar(NamedTuple):
    """A bar of a chart: its label, its number, the share of the whole (0 to 1), and its length (0 to 100)."""

    label: str
    number: int
    share: float
    length: float


def distribution(mode: Mode, most: int = 4) -> list[Bar]:
    """Return the amounts of a mode as bars: the most frequent ones, fewer than it lists, and one bar for all others."""
    shown = mode.assignments if mode.amounts <= most + 1 else mode.assignments[:most]
    counts = [(amount(assignment.voucher_amount), assignment.count) for assignment in shown]
    if rest := mode.amounts - len(shown):
        counts.append((f"{rest} others", mode.support - sum(assignment.count for assignment in shown)))
    return _bars(counts, mode.support)


def rows_read(rows: Totals) -> list[Bar]:
    """Return the totals of a history as bars: kept, of other countries, and rejected by rule."""
    rejected = [(label(rule), count) for rule, count in rows.rejected.items()]
    counts = [("kept", rows.kept), ("of other countries", rows.other_country), *rejected]
    return _bars(counts, rows.rows_read)


def months(assigned: AssignedOn) -> list[Bar]:
    """Return the kept rows of a run as bars: by month of assignment, then those of no such month."""
    others = [("other months", assigned.other_months), ("without a day", assigned.undated)]
    counts = [*assigned.months.items(), *((label, count) for label, count in others if count)]
    return _bars(counts, sum(count for _, count in counts))


class HeatMap(NamedTuple):
    """A table of segments by amounts. `amounts` are the most frequent ones of all segments, in ascending order."""

    amounts: tuple[str, ...]
    rows: tuple["HeatRow", ...]


class HeatRow(NamedTuple):
    """A segment's mode, and a cell for each amount."""

    mode: SegmentMode
    cells: tuple["HeatCell", ...]


class HeatCell(NamedTuple):
    """An amount's share of a segment (0 to 1), and the level of its color (0 to `_HEAT_LEVELS`)."""

    share: float
    level: int
    is_mode: bool


def heat_map(modes: Sequence[SegmentMode], most: int = 8) -> HeatMap:
    """Return the heat map of segments, with the `most` amounts that are most frequent in them."""
    totals: dict[float, int] = {}
    for mode in modes:
        for assignment in mode.assignments:
            totals[assignment.voucher_amount] = totals.get(assignment.voucher_amount, 0) + assignment.count
    shown = sorted(sorted(totals, key=lambda value: (-totals[value], value))[:most])
    return HeatMap(
        amounts=tuple(map(amount, shown)),
        rows=tuple(HeatRow(mode, tuple(_cells(mode, shown))) for mode in modes),
    )


def _cells(mode: SegmentMode, amounts: Sequence[float]) -> Iterator[HeatCell]:
    counts = {assignment.voucher_amount: assignment.count for assignment in mode.assignments}
    for value in amounts:
        share = counts.get(value, 0) / mode.support if mode.support else 0.0
        yield HeatCell(share, heat_level(share), value == mode.voucher_amount)


def heat_level(share: float) -> int:
    """Return the level of the color of a share (0 to 1): 0 for the least, 9 for the largest."""
    return min(int(share * (_HEAT_LEVELS + 1)), _HEAT_LEVELS)


def _bars(counts: Sequence[tuple[str, int]], total: int) -> list[Bar]:
    longest = max((count for _, count in counts), default=0) or 1
    return [Bar(label, count, count / total if total else 0.0, 100 * count / longest) for label, count in counts]
