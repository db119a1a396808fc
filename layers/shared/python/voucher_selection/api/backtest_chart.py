"""The chart of a backtest: two lines of agreement by month, and below them the share of unanswered assignments."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import ceil, floor
from typing import NamedTuple

from voucher_selection.domain.quality_document import BacktestMonth
from voucher_selection.domain.wording import percent

# In units of the picture: half of a month's label, a month, and the axis' labels. They are beside the last month, which
# is what a small window shows.
_LEFT, _STEP, _RIGHT = 12, 34, 46
# From the top: a margin, the lines, a gap, the bars, and the months' labels.
_MARGIN, _LINES, _GAP, _BARS, _LABELS = 10, 120, 26, 28, 20
_BASE = _MARGIN + _LINES + _GAP + _BARS
_LABELLED = 2  # every second month has a label, and the last one has


class Label(NamedTuple):
    """A text on an axis, and its place."""

    text: str
    at: float


class Line(NamedTuple):
    """A series: its points (x, y), and the paths between those of months in a row, as SVG's `points`."""

    points: tuple[tuple[float, float], ...]
    paths: tuple[str, ...]


class Bar(NamedTuple):
    """The unanswered share of a month: the bar's left, top and height."""

    x: float
    y: float
    height: float


class BacktestChart(NamedTuple):
    """The chart, and its numbers as `months`. `axis` is where the axis of the lines is."""

    months: tuple[BacktestMonth, ...]
    summary: str
    segments: Line
    country: Line
    unanswered: tuple[Bar, ...]
    shares: tuple[Label, ...]
    names: tuple[Label, ...]
    axis: float
    width: float
    height: int = _BASE + _LABELS
    base: int = _BASE
    bar_width: int = _STEP // 2


def backtest_chart(months: Sequence[BacktestMonth]) -> BacktestChart | None:
    """Return the chart of a backtest; None if no assignment was tested in any month."""
    shares = [share for month in months for share in (month["segments"], month["country"]) if share is not None]
    if not shares:
        return None
    axis = _Axis.of(shares)
    xs = [_LEFT + _STEP * (place + 0.5) for place in range(len(months))]
    labelled = range((len(months) - 1) % _LABELLED, len(months), _LABELLED)
    return BacktestChart(
        months=tuple(months),
        summary=_summary(months),
        segments=_line(xs, [month["segments"] for month in months], axis),
        country=_line(xs, [month["country"] for month in months], axis),
        unanswered=tuple(_bars(xs, months)),
        shares=tuple(Label(f"{10 * tenths} %", axis.y(tenths / 10)) for tenths in range(axis.least, axis.most + 1)),
        names=tuple(Label(months[place]["month"], xs[place]) for place in labelled),
        axis=_LEFT + _STEP * len(months),
        width=_LEFT + _STEP * len(months) + _RIGHT,
    )


class _Axis(NamedTuple):
    """The axis of the lines, from one tenth to another."""

    least: int
    most: int

    @classmethod
    def of(cls, shares: Sequence[float]) -> "_Axis":
        least = min(floor(10 * min(shares)), 9)
        return cls(least, max(ceil(10 * max(shares)), least + 1))

    def y(self, share: float) -> float:
        return round(_MARGIN + _LINES * (self.most - 10 * share) / (self.most - self.least), 1)


def _line(xs: Sequence[float], shares: Sequence[float | None], axis: _Axis) -> Line:
    points = [None if share is None else (x, axis.y(share)) for x, share in zip(xs, shares, strict=True)]
    runs = [list(run) for is_point, run in groupby(points, bool) if is_point]
    return Line(
        tuple(point for point in points if point),
        tuple(" ".join(f"{x},{y}" for x, y in filter(None, run)) for run in runs if len(run) > 1),
    )


def _bars(xs: Iterable[float], months: Iterable[BacktestMonth]) -> Iterator[Bar]:
    for x, month in zip(xs, months, strict=True):
        if month["unanswered"]:
            height = round(_BARS * month["unanswered"] / month["tested"], 1)
            yield Bar(x - _STEP / 4, round(_BASE - height, 1), height)


def _summary(months: Sequence[BacktestMonth]) -> str:
    """Return what the chart shows, for people who do not see it."""
    tested = [month for month in months if month["tested"]]
    better = sum((month["segments"] or 0) > (month["country"] or 0) for month in tested)
    last = tested[-1]
    shown = ", ".join(
        f"{name} {percent(share or 0)}"
        for name, share in (("segments", last["segments"]), ("one amount", last["country"]))
    )
    count = "1 month" if len(tested) == 1 else f"{len(tested)} months"
    unanswered = percent(last["unanswered"] / last["tested"])
    return (
        f"{count} to {last['month']}; segments agree with more assignments than one amount in {better}."
        f" In {last['month']}: {shown}, unanswered {unanswered}"
    )
