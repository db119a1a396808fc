"""Content negotiation (RFC 9110, section 12.5.1): JSON or a page, as the `Accept` of a request asks."""

from typing import NamedTuple

_HTML = ("text/html", "application/xhtml+xml")
_JSON = ("application/json", "application/problem+json")


class _Rank(NamedTuple):
    """The preference for a media type, and how exactly a range names it: 2 exactly, 1 by its kind, 0 by `*/*`."""

    quality: float
    closeness: int


def prefers_html(accept: str) -> bool:
    """Return whether the client prefers a page to JSON; JSON is the default.

    If two types have the same quality, the one that is named more exactly wins: `text/html, */*` asks for a page. A
    header that allows neither is ignored, as the RFC permits, and answered with JSON.
    """
    ranges = [_media_range(part) for part in accept.lower().split(",") if part.strip()]
    html = max(_rank(name, ranges) for name in _HTML)
    return html.quality > 0 and html > max(_rank(name, ranges) for name in _JSON)


def _media_range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip() for piece in part.split(";"))
    quality = next((value for key, _, value in (p.partition("=") for p in parameters) if key.strip() == "q"), "1")
    try:
        return name, min(max(float(quality), 0.0), 1.0)
    except ValueError:
        return name, 0.0


def _rank(name: str, ranges: list[tuple[str, float]]) -> _Rank:
    """Return the rank that the closest range gives to a media type."""
    asked = dict(ranges)
    closest = (name, f"{name.partition('/')[0]}/*", "*/*")
    return next((_Rank(asked[key], 2 - place) for place, key in enumerate(closest) if key in asked), _Rank(0.0, 0))
