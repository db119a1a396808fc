"""The forms of the report page: what their fields mean, and how best ranges get into a what-if."""

import json
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.models import model_of
from voucher_selection.api.best_ranges_form import BestRangesForm, offers
from voucher_selection.api.what_if_form import WhatIfForm, fields_to_try
from voucher_selection.domain.errors import InvalidRequest
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.ranges import ranges_of, segmentation_of
from voucher_selection.domain.ranges_found import BestRanges
from voucher_selection.domain.segments import Segmentation, SegmentDefinitions
from voucher_selection.domain.windows import ALL_DAYS, Window

MODEL = model_of()
ADDED = {"added_name": "tenure", "added_measure": "months_since_first_order", "added_ranges": "0-11, 12+"}
some_cuts = st.lists(st.integers(-500, 5_000), min_size=2, max_size=8, unique=True).map(sorted)


def of_cuts(measure: str, cuts: list[int]) -> Segmentation:
    bounds = [f"{lower}..{upper - 1}" for lower, upper in pairwise(cuts)]
    return segmentation_of("best", measure, ", ".join([*bounds, f"{cuts[-1]}+"]))


def found(*ranges: str) -> BestRanges:
    """What is found for 1, 2 and more ranges, as far as an offer needs it."""
    return BestRanges.model_validate(
        {
            "measure": "total_orders",
            "countries": ["Peru"],
            "cur_date": "2018-09-15",
            "least_support": 1,
            "support": 10,
            "found": [
                {
                    "most_ranges": most,
                    "ranges": [],
                    "reproduced": 5,
                    "agreement": 0.5,
                    "last_month": None,
                    "definition": segmentation_of("best_total_orders", "total_orders", text).model_dump(),
                }
                for most, text in enumerate(ranges, 1)
            ],
        }
    )


@pytest.mark.parametrize("measure", Measure)
@given(cuts=some_cuts)
def test_ranges_of_any_measure_can_be_tried_and_mean_the_same_when_the_form_is_sent(measure: Measure, cuts: list[int]):
    wanted = of_cuts(measure, cuts)

    sent = WhatIfForm.of(MODEL, fields_to_try(MODEL, wanted, MODEL.cur_date, Window(last_days=90)))

    assert (sent.is_sent, sent.errors, sent.window) == (True, {}, Window(last_days=90))
    assert sent.definitions
    tried = next(each for each in sent.definitions.segmentations if each.measure == measure)
    assert [(each.lower, each.upper) for each in tried.segments] == [
        (each.lower, each.upper) for each in wanted.segments
    ]


def test_ranges_of_a_measure_that_is_served_take_the_place_of_its_segmentation():
    fields = fields_to_try(MODEL, of_cuts("days_since_last_order", [30, 61]), MODEL.cur_date, ALL_DAYS)

    form = WhatIfForm.of(MODEL, fields)

    assert form.definitions
    assert form.definitions.names == MODEL.definitions.names
    assert [ranges_of(each) for each in form.definitions.segmentations[:3]] == [
        "1-4, 5-13, 14-37",
        "30-60, 61+",
        "30-60, 61-90, 91-120, 121-180, 181+",
    ]


def test_ranges_of_another_measure_are_added():
    form = WhatIfForm.of(MODEL, ADDED)

    assert form.definitions
    assert form.definitions.names == (*MODEL.definitions.names, "tenure")
    assert WhatIfForm.of(MODEL, ADDED | {"added_ranges": " "}).definitions == MODEL.definitions


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"added_ranges": "0-11, 11+"}, "starts at 11"),
        ({"added_measure": "mood"}, "measure"),
        ({"added_name": ""}, "name"),
        ({"added_name": "recency_segment"}, "distinct names"),
    ],
)
def test_an_added_segmentation_that_cannot_be_used_is_told_at_its_ranges(fields: dict[str, str], told: str):
    errors = WhatIfForm.of(MODEL, ADDED | fields).errors

    assert list(errors) == ["added_ranges"]
    assert told in errors["added_ranges"]


def test_all_ranges_that_cannot_be_used_are_told():
    wrong = {f"ranges_{place}": "many" for place in range(len(MODEL.definitions.segmentations))}

    form = WhatIfForm.of(MODEL, wrong)

    assert form.errors.keys() == wrong.keys()
    assert form.definitions is None


def test_best_ranges_are_asked_for_at_the_served_date():
    fields = {"measure": "days_since_last_order", "countries": "peru, ", "most_ranges": "4", "best_window": "90"}

    request = BestRangesForm.of(MODEL, {"best_ranges": "1"} | fields).request()

    assert request.model_dump(mode="json", exclude_unset=True) == {
        "measure": "days_since_last_order",
        "countries": ["peru"],
        "most_ranges": 4,
        "least_support": 30,
        "cur_date": "2018-09-15",
        "window": {"last_days": 90},
    }


def test_the_form_shows_usual_values_and_the_served_window():
    form = BestRangesForm.of(model_of(window=Window(last_days=30)), {})

    assert (form.is_sent, form.errors) == (False, {})
    assert form.fields == {
        "measure": "total_orders",
        "countries": "",
        "most_ranges": "5",
        "least_support": "30",
        "best_window": "30",
    }


@pytest.mark.parametrize(
    ("field", "text", "told"),
    [
        ("measure", "mood", "got 'mood'"),
        ("countries", "Peru, Chile", "expected some of Peru, got Chile"),
        ("countries", ",", "countr"),
        ("most_ranges", "11", "got '11'"),
        ("most_ranges", "\u0663", "valid integer"),
        ("least_support", "0", "got '0'"),
        ("least_support", "9" * 5_000, "valid integer"),
        ("best_window", "always", "expected days like"),
    ],
)
def test_what_cannot_be_used_is_told_at_its_field(field: str, text: str, told: str):
    form = BestRangesForm.of(MODEL, {field: text})

    assert list(form.errors) == [field]
    assert told in form.errors[field]
    assert form.fields[field] == text.strip()


def test_every_field_that_cannot_be_used_is_told_at_once():
    form = BestRangesForm.of(MODEL, {"countries": "Chile", "most_ranges": "many", "best_window": "always"})

    assert form.errors.keys() == {"countries", "most_ranges", "best_window"}


def test_a_form_with_errors_has_no_request():
    with pytest.raises(InvalidRequest, match="without errors, got most_ranges"):
        BestRangesForm.of(MODEL, {"most_ranges": "many"}).request()


def test_ranges_are_offered_once_and_as_complete_definitions():
    offered = offers(MODEL, ALL_DAYS, found("1+", "1-4, 5+", "1-4, 5+"))

    assert [(offer.ranges, offer.new_from, offer.is_new) for offer in offered] == [
        ("1+", 1, True),
        ("1-4, 5+", 2, True),
        ("1-4, 5+", 2, False),
    ]
    definitions = SegmentDefinitions.model_validate(json.loads(offered[1].segments))
    assert ranges_of(definitions["frequent_segment"]) == "1-4, 5+"
    assert dict(parse_qsl(offered[1].what_if)) == {
        "what_if": "1",
        "cur_date": "2018-09-15",
        "window": "all",
        "ranges_0": "1-4, 5+",
    }


def test_ranges_that_would_make_definitions_invalid_are_not_offered():
    of_time: Any = [segmentation_of(f"s{number}", "days_since_last_order", "1+") for number in range(20)]
    full = model_of(definitions=SegmentDefinitions(segmentations=tuple(of_time)))

    (offer,) = offers(full, ALL_DAYS, found("1+"))

    assert (offer.what_if, offer.segments) == ("", "")
