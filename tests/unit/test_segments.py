"""The shipped segments at every boundary, and the definitions that are refused."""

import json

import pytest

from voucher_selection.domain.errors import InvalidSegments
from voucher_selection.domain.segments import load_definitions, shipped_definitions

ORDERS = {
    0: "out_of_range", 1: "1-4", 4: "1-4", 5: "5-13", 13: "5-13", 14: "14-37", 37: "14-37", 38: "out_of_range",
    10**9: "out_of_range",
}  # fmt: skip
DAYS = {
    -1: None, 0: None, 29: None, 30: "30-60", 60: "30-60", 61: "61-90", 90: "61-90", 91: "91-120", 120: "91-120",
    121: "121-180", 180: "121-180", 181: "180+", 10**6: "180+",
}  # fmt: skip


@pytest.mark.parametrize(("orders", "segment"), ORDERS.items())
def test_orders_fall_into_their_frequent_segment(orders: int, segment: str):
    assert shipped_definitions()["frequent_segment"].segment_for(orders) == segment


@pytest.mark.parametrize(("days", "segment"), DAYS.items())
def test_days_fall_into_their_recency_segment_and_into_none_below_30(days: int, segment: str | None):
    assert shipped_definitions()["recency_segment"].segment_for(days) == segment


@pytest.mark.parametrize(("days", "segment"), DAYS.items())
def test_days_when_given_fall_into_the_same_ranges(days: int, segment: str | None):
    assert shipped_definitions()["lapse_segment"].segment_for(days) == segment


def test_three_segmentations_ship():
    assert [(shipped.name, shipped.measure) for shipped in shipped_definitions().segmentations] == [
        ("frequent_segment", "total_orders"),
        ("recency_segment", "days_since_last_order"),
        ("lapse_segment", "days_since_last_order_when_given"),
    ]


def test_bounds_name_every_segment_in_order_and_what_lies_outside_last():
    assert shipped_definitions()["frequent_segment"].bounds == {
        "1-4": (1, 4),
        "5-13": (5, 13),
        "14-37": (14, 37),
        "out_of_range": (None, None),
    }
    assert list(shipped_definitions()["recency_segment"].bounds.items())[-1] == ("180+", (181, None))


def definitions(*ranges: tuple[str, int, int | None], **changed: object) -> str:
    segments = [{"name": name, "lower": lower, "upper": upper} for name, lower, upper in ranges]
    segmentation = {"name": "s", "measure": "total_orders", "segments": segments, "outside": None} | changed
    return json.dumps({"segmentations": [segmentation]})


REFUSED = {
    "an overlap": (definitions(("a", 1, 5), ("b", 5, 9)), "s: 'b' starts at 5, inside or before 'a', which ends at 5"),
    "a gap": (definitions(("a", 1, 5), ("b", 7, 9)), "s: nothing covers 6 to 6, between 'a' and 'b'"),
    "an inverted range": (definitions(("a", 5, 1)), "segment 'a' is inverted: 5 to 1"),
    "an order downwards": (definitions(("b", 6, 9), ("a", 1, 5)), "list the segments in ascending order"),
    "a range after an open one": (definitions(("a", 1, None), ("b", 6, 9)), "segment 'a' is open upwards"),
    "a name twice": (definitions(("a", 1, 2), ("a", 3, 4)), "more than one segment named a"),
    "outside named as a segment": (definitions(("a", 1, 2), outside="a"), "more than one segment named a"),
    "no segments": (definitions(), "s has no segments"),
    "another measure": (definitions(("a", 1, 2), measure="age"), "total_orders"),
    "an unknown key": (definitions(("a", 1, 2), colour="red"), "colour"),
    "a bound that is no number": (definitions(("a", "one", 2)), "lower"),  # type: ignore[arg-type]
    "a separator in a name": (definitions(("a#b", 1, 2)), "name"),
    "no segmentations": ('{"segmentations": []}', "at least one segmentation"),
    "no JSON": ("segments:", "Invalid JSON"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_definitions_that_cannot_be_used_are_refused_and_say_why(case: str):
    text, message = REFUSED[case]

    with pytest.raises(InvalidSegments) as refusal:
        load_definitions(text)

    assert message in str(refusal.value)


def test_two_segmentations_of_one_name_are_refused():
    one = json.loads(definitions(("a", 1, 2)))["segmentations"]

    with pytest.raises(InvalidSegments, match="distinct names"):
        load_definitions(json.dumps({"segmentations": one * 2}))


def test_definitions_survive_the_way_through_the_catalog():
    assert load_definitions(shipped_definitions().model_dump_json()) == shipped_definitions()
