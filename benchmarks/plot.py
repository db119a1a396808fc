"""Line charts on logarithmic axes, as SVG that needs no library to make and none to show."""

from collections.abc import Mapping, Sequence
from math import ceil, floor, log10

_WIDTH, _HEIGHT, _LEFT, _TOP, _PLOT_WIDTH, _PLOT_HEIGHT = 980, 400, 60, 50, 240, 290
_COLOURS = ("#c2410c", "#2563eb", "#ca8a04", "#7c3aed", "#4b5563")

type Points = Sequence[tuple[int, float]]


def lines(titles: Mapping[str, str], series: Mapping[str, Mapping[str, Points]], rows: int) -> str:
    """Draw a panel for each title: seconds over `rows` times each point's size, a line for each label."""
    values = [seconds for panel in series.values() for points in panel.values() for _, seconds in points]
    lowest, highest = floor(log10(min(values))), ceil(log10(max(values)))
    labels = list(dict.fromkeys(label for panel in series.values() for label in panel))
    colours = dict(zip(labels, _COLOURS, strict=False))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"',
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
    ]
    for number, (key, title) in enumerate(titles.items()):
        left = _LEFT + number * (_PLOT_WIDTH + 110)
        parts += _panel(left, title, series[key], (lowest, highest), rows, colours)
    legend = _LEFT + 2 * (_PLOT_WIDTH + 110) - 50
    for number, (label, colour) in enumerate(colours.items()):
        y = _TOP + 20 + 22 * number
        parts.append(f'<line x1="{legend}" x2="{legend + 22}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{legend + 28}" y="{y + 4}">{label}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _panel(
    left: int, title: str, panel: Mapping[str, Points], decades: tuple[int, int], rows: int, colours: Mapping[str, str]
) -> list[str]:
    lowest, highest = decades

    def x(times: int) -> float:
        return left + 20 + log10(times) / 2 * (_PLOT_WIDTH - 40)

    def y(seconds: float) -> float:
        return _TOP + _PLOT_HEIGHT * (highest - log10(seconds)) / (highest - lowest)

    parts = [f'<text x="{left}" y="{_TOP - 20}" font-weight="bold">{title}</text>']
    for decade in range(lowest, highest + 1):
        at = y(10.0**decade)
        parts.append(f'<line x1="{left}" x2="{left + _PLOT_WIDTH}" y1="{at:.1f}" y2="{at:.1f}" stroke="#e5e7eb"/>')
        parts.append(f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{10.0**decade:g} s</text>')
    for times in (1, 10, 100):
        text = f"{times * rows / 1e6:.3g} M"
        parts.append(f'<text x="{x(times):.1f}" y="{_TOP + _PLOT_HEIGHT + 20}" text-anchor="middle">{text}</text>')
    parts.append(f'<text x="{left + _PLOT_WIDTH / 2}" y="{_TOP + _PLOT_HEIGHT + 40}" text-anchor="middle">rows</text>')
    for label, points in panel.items():
        path = " ".join(f"{x(times):.1f},{y(seconds):.1f}" for times, seconds in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colours[label]}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x(t):.1f}" cy="{y(s):.1f}" r="3.5" fill="{colours[label]}"/>' for t, s in points]
    return parts
