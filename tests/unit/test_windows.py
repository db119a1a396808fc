"""Windows: what they hold, how they are read, and which are refused by the name of the key."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.models import model_of
from voucher_selection.adapters.catalog_items import from_dynamodb, items_of, to_dynamodb, version_of
from voucher_selection.domain.errors import InvalidRequest
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.requests import WhatIfRequest
from voucher_selection.domain.windows import ALL_DAYS, Window

EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True)
PAIRS = st.tuples(st.none() | st.dates(), st.none() | st.dates()).filter(
    lambda pair: None in pair or pair[0] <= pair[1]
)
WINDOWS = PAIRS.map(lambda pair: Window(first=pair[0], last=pair[1])) | st.integers(1, 36_500).map(
    lambda days: Window(last_days=days)
)


@EXAMPLES
@given(WINDOWS)
def test_a_window_is_read_as_it_was_written(window: Window):
    assert Window.model_validate(window.written) == window
    assert Window.model_validate_json(window.model_dump_json()) == window
    assert Window.model_validate(window.model_dump(mode="json", exclude_none=True)) == window
    assert window.is_all == (window == ALL_DAYS)


@EXAMPLES
@given(WINDOWS)
def test_a_version_has_its_window_in_the_catalog(window: Window):
    *_, item = items_of(model_of(window=window))

    assert version_of(from_dynamodb(to_dynamodb(item))).window == window


def test_a_version_of_before_windows_is_of_all_days():
    *_, item = items_of(model_of())
    del item["window"]

    assert version_of(from_dynamodb(to_dynamodb(item))).window == ALL_DAYS


@EXAMPLES
@given(st.integers(1, 36_500), st.dates())
def test_the_last_days_end_with_cur_date(days: int, cur_date: date):
    first, last = Window(last_days=days).days(cur_date)

    assert last == cur_date
    assert (last - first).days + 1 == min(days, (cur_date - date.min).days + 1)


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (ALL_DAYS, "all days"),
        (Window(last_days=1), "the last day"),
        (Window(last_days=1_000), "the last 1,000 days"),
        (Window(first=date(2018, 6, 1)), "from 2018-06-01"),
        (Window(last=date(2018, 7, 31)), "to 2018-07-31"),
        (Window(first=date(2018, 6, 1), last=date(2018, 7, 31)), "2018-06-01 to 2018-07-31"),
    ],
)
def test_people_read_a_window(window: Window, words: str):
    assert str(window) == words


@pytest.mark.parametrize(
    ("text", "window"),
    [
        (" 2018-06-01 .. 2018-07-31 ", Window(first=date(2018, 6, 1), last=date(2018, 7, 31))),
        ("2018-06-01..", Window(first=date(2018, 6, 1))),
        ("..2018-07-31", Window(last=date(2018, 7, 31))),
        ("last 90 days", Window(last_days=90)),
        ("90d", Window(last_days=90)),
        ("all", ALL_DAYS),
    ],
)
def test_people_write_a_window_in_few_characters(text: str, window: Window):
    assert Window.model_validate(text) == window


@pytest.mark.parametrize(
    "text",
    ["", "0", "-3", "1.5", "36501", "99999", "2018-06-01", "2018-06-31..", "2018-07-31..2018-06-01", "june", "٣"],
)
def test_a_text_that_is_no_window_is_refused(text: str):
    with pytest.raises(ValidationError, match=r"expected|greater than or equal|less than or equal"):
        Window.model_validate(text)


REFUSED = [
    (
        {"from": "2018-07-31", "to": "2018-06-01"},
        "window: expected `to` at or after `from`, got 2018-07-31 to 2018-06-01",
    ),
    ({"from": "2018-06-01", "last_days": 3}, "window: expected `from` and `to`, or `last_days`, got both"),
    ({"to": "2018-06-01", "last_days": 3}, "window: expected `from` and `to`, or `last_days`, got both"),
    ({"since": "2018-06-01"}, "window.since: "),
    ({"first": "2018-06-31"}, "window.f"),
    ({"from": "2018-02-30"}, "window.from: "),
    ({"to": "2018-13-01"}, "window.to: "),
    ({"from": "june"}, "window.from: "),
    ({"from": 20180601}, "window.from: "),
    ({"last_days": 0}, "window.last_days: "),
    ({"last_days": -1}, "window.last_days: "),
    ({"last_days": 36_501}, "window.last_days: "),
    ({"last_days": "3"}, "window.last_days: "),
    ({"last_days": 1.5}, "window.last_days: "),
    ({"last_days": 3.0}, "window.last_days: "),
    ({"last_days": True}, "window.last_days: "),
    ("everything", "window: "),
    (90, "window: "),
    (["2018-06-01", "2018-07-31"], "window: "),
]


@pytest.mark.parametrize(("window", "message"), REFUSED, ids=str)
def test_a_window_that_cannot_be_is_refused_by_the_name_of_its_key(window: Any, message: str):
    source = {"source": "s3://bucket/key"}
    requests = [source, source | {"mode": "append"}, {"mode": "remodel"}]
    parsers = [parse_request, parse_request, parse_request, WhatIfRequest.parse]

    for request, parse in zip([*requests, {}], parsers, strict=True):
        with pytest.raises(InvalidRequest) as refusal:
            parse(request | {"window": window})
        assert f"the run's input is invalid: {message}" in str(refusal.value)


@EXAMPLES
@given(st.dates(), st.timedeltas(timedelta(days=1), timedelta(days=400)))
def test_no_window_ends_before_it_begins(day: date, length: timedelta):
    if day.toordinal() + length.days > date.max.toordinal():
        return
    with pytest.raises(ValidationError, match="expected `to` at or after `from`"):
        Window(first=day + length, last=day)
