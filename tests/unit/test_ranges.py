"""Ranges as text: what is read back is what was written, and what cannot be used is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voucher_selection.domain.errors import InvalidSegments
from voucher_selection.domain.ranges import ranges_of, with_ranges
from voucher_selection.domain.segments import Measure, Segment, Segmentation, shipped_definitions

FREQUENT, RECENCY = (shipped_definitions()[name] for name in ("frequent_segment", "recency_segment"))


def test_the_shipped_segments_as_text():
    assert ranges_of(FREQUENT) == "1-4, 5-13, 14-37"
    assert ranges_of(RECENCY) == "30-60, 61-90, 91-120, 121-180, 181+"


@pytest.mark.parametrize(
    "segmentation", shipped_definitions().segmentations, ids=lambda segmentation: segmentation.name
)
def test_ranges_that_a_segmentation_has_keep_their_names(segmentation):
    assert with_ranges(segmentation, ranges_of(segmentation)) == segmentation


def test_other_ranges_are_named_as_they_are_written():
    changed = with_ranges(RECENCY, "0-29; 30-60\n 61 - 99,100+,")

    assert [(s.name, s.lower, s.upper) for s in changed.segments] == [
        ("0-29", 0, 29),
        ("30-60", 30, 60),
        ("61-99", 61, 99),
        ("100+", 100, None),
    ]
    assert (changed.name, changed.measure, changed.outside) == ("recency_segment", RECENCY.measure, None)


def test_one_number_is_a_range_of_its_own():
    assert with_ranges(FREQUENT, "1, 2-3").bounds == {"1": (1, 1), "2-3": (2, 3), "out_of_range": (None, None)}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1-4, five", "expected ranges like 1-4, 5-13, 14+, got 'five'"),
        ("1-4, -5", "starts at -5, inside or before '1-4'"),
        ("", "has no segments"),
        (" , ", "has no segments"),
        ("4-1", "inverted: 4 to 1"),
        ("1-4, 3-9", "starts at 3, inside or before '1-4'"),
        ("1-4, 6-9", "nothing covers 5 to 5"),
        ("1+, 6-9", "open upwards"),
        ("1-4, 1-4", "more than one segment named 1-4"),
        ("1-99999999999999999999", "got '1-99999999999999999999'"),
        (",".join(map(str, range(1_001))), "at most 1,000 ranges, got 1,001"),
        ("1-4" * 30, "got '1-41-41-4"),
        ("\u0661-\u0664", "expected ranges"),  # digits, and not ASCII's
    ],
)
def test_what_cannot_be_used_is_named(text, why):
    with pytest.raises(InvalidSegments, match=why.replace("+", r"\+")):
        with_ranges(FREQUENT, text)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(-50, 50), st.booleans())
def test_every_contiguous_segmentation_survives_being_written(widths, start, is_open):
    segments = []
    for number, width in enumerate(widths):
        last = number == len(widths) - 1
        upper = None if last and is_open else start + width - 1
        segments.append(Segment(name=f"s{number}", lower=start, upper=upper))
        start += width
    segmentation = Segmentation(name="s", measure=Measure.TOTAL_ORDERS, segments=tuple(segments), outside=None)

    assert with_ranges(segmentation, ranges_of(segmentation)) == segmentation
