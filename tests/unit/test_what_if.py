"""What another model would change."""

from voucher_selection.domain.model import AmountCount, SegmentMode
from voucher_selection.domain.what_if import changed_segments


def mode(segment: str, amount: float | None, count: int = 1, country: str = "Peru") -> SegmentMode:
    assignments = () if amount is None else (AmountCount(amount, count),)
    return SegmentMode(country, "loyalty", segment, 0, None, assignments)


def changes(served: list[SegmentMode], modes: list[SegmentMode]) -> list[tuple[str, float | None, float | None]]:
    return [(change.segment, change.served_amount, change.amount) for change in changed_segments(served, modes)]


def test_a_segment_with_the_same_amount_does_not_change_whatever_its_support():
    assert changes([mode("few", 1.0, 5)], [mode("few", 1.0, 9)]) == []


def test_a_segment_changes_when_it_gets_another_amount_or_loses_or_gains_one():
    served = [mode("a", 1.0), mode("b", 1.0), mode("c", None)]

    assert changes(served, [mode("a", 2.0), mode("b", None), mode("c", 3.0)]) == [
        ("a", 1.0, 2.0),
        ("b", 1.0, None),
        ("c", None, 3.0),
    ]


def test_segments_that_are_new_or_gone_are_told():
    assert changes([mode("old", 1.0)], [mode("new", 2.0)]) == [("new", None, 2.0), ("old", 1.0, None)]


def test_without_a_served_model_every_amount_is_new():
    assert changes([], [mode("few", 1.0), mode("many", None)]) == [("few", None, 1.0)]


def test_a_country_in_another_spelling_changes_nothing():
    assert changes([mode("few", 1.0)], [mode("few", 1.0, country="PERU")]) == []
