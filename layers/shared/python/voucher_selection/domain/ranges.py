"""Ranges as people write them, like `1-4, 5-13, 14+`, for the segments of a segmentation."""

import re
from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from voucher_selection.domain.errors import InvalidSegments
from voucher_selection.domain.segments import MOST_SEGMENTS, Segmentation
from voucher_selection.domain.validation import describe

_RANGE = re.compile(
    r"(?P<lower>-?\d{1,9})\s*(?:(?:\.\.|[-–])\s*(?P<upper>-?\d{1,9})|(?P<open>\+))?",  # noqa: RUF001
    re.ASCII,
)


def ranges_of(segmentation: Segmentation) -> str:
    """Return the segments of a segmentation as text; `181+` is open upwards.

    Examples
    --------
    >>> from voucher_selection.domain.segments import shipped_definitions
    >>> ranges_of(shipped_definitions()["frequent_segment"])
    '1-4, 5-13, 14-37'
    """
    return ", ".join(range_text(segment.lower, segment.upper) for segment in segmentation.segments)


def with_ranges(segmentation: Segmentation, text: str) -> Segmentation:
    """Return a segmentation with other ranges.

    A range that it already had keeps its name; a new one is named by its bounds.

    Raises
    ------
    InvalidSegments
        A range cannot be read, is inverted, overlaps the next one, or leaves a gap before it.
    """
    known = {(segment.lower, segment.upper): segment.name for segment in segmentation.segments}
    return _segmentation(segmentation.name, segmentation.measure, text, known, segmentation.outside)


def segmentation_of(name: str, measure: str, text: str) -> Segmentation:
    """Return a new segmentation: its ranges are named by their bounds, and other values are in no segment.

    Raises
    ------
    InvalidSegments
        As `with_ranges`; or the measure does not exist, or the name is none.

    Examples
    --------
    >>> segmentation_of("tenure", "months_since_first_order", "0-11, 12+").segment_for(30)
    '12+'
    """
    return _segmentation(name, measure, text, {}, None)


def _segmentation(
    name: str, measure: str, text: str, known: Mapping[tuple[int, int | None], str], outside: str | None
) -> Segmentation:
    segments = [
        {"name": known.get((lower, upper), range_text(lower, upper)), "lower": lower, "upper": upper}
        for lower, upper in _bounds(text)
    ]
    try:
        return Segmentation.model_validate({"name": name, "measure": measure, "segments": segments, "outside": outside})
    except ValidationError as error:
        raise InvalidSegments("; ".join(describe(error))) from error


def _bounds(text: str) -> Iterator[tuple[int, int | None]]:
    parts = [part for part in map(str.strip, re.split(r"[,;\n]", text)) if part]
    if len(parts) > MOST_SEGMENTS:
        raise InvalidSegments(f"expected at most {MOST_SEGMENTS:,} ranges, got {len(parts):,}")
    for part in parts:
        found = _RANGE.fullmatch(part)
        if found is None:
            raise InvalidSegments(f"expected ranges like 1-4, 5-13, 14+, got {part[:40]!r}")
        lower = int(found["lower"])
        yield lower, None if found["open"] else int(found["upper"] or lower)


def range_text(lower: int, upper: int | None) -> str:
    """Return a range as text; without `upper`, it is open upwards.

    Examples
    --------
    >>> range_text(5, 13), range_text(7, 7), range_text(-3, 4), range_text(5, None)
    ('5-13', '7', '-3..4', '5+')
    """
    if upper is None:
        return f"{lower}+"
    return str(lower) if lower == upper else f"{lower}{'..' if lower < 0 else '-'}{upper}"
