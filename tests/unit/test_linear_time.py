"""No input takes more than linear time: each reader is given the longest text it may get, and twice as much of it.

Twice the input may take three times as long, and a little more for what else the machine does; where it took four times
as long, it would be quadratic.
"""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pyarrow as pa
import pytest

from tests.lookup_requests import SEED_REQUEST
from tests.models import model_of
from voucher_selection.api.bulk_lookups import MOST_CUSTOMERS, look_up_all
from voucher_selection.api.negotiation import prefers_html
from voucher_selection.domain.errors import VoucherSelectionError
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.lookups import LookupRequest
from voucher_selection.domain.parsing import parse_amount, parse_timestamp, parse_total_orders
from voucher_selection.domain.ranges import with_ranges
from voucher_selection.domain.segments import (
    MOST_SEGMENTS,
    Segmentation,
    SegmentDefinitions,
    load_definitions,
    shipped_definitions,
)

# The largest body that the API reads has 1 MiB.
LONGEST = 1024 * 1024
FREQUENT = shipped_definitions()["frequent_segment"]


def lookup(**fields: Any) -> Callable[[], object]:
    return lambda: LookupRequest.parse(SEED_REQUEST | fields)


def column(parse: Callable[[pa.Array], object], text: str) -> Callable[[], object]:
    array = pa.array(["2018-05-03", text])
    return lambda: parse(array)


def run(**request: Any) -> Callable[[], object]:
    return lambda: parse_request(request)


def segments(count: int) -> dict[str, Any]:
    ranges = [{"name": f"s{n}", "lower": n, "upper": n} for n in range(count)]
    return {"name": "f", "measure": "total_orders", "segments": ranges, "outside": None}


READERS: dict[str, Callable[[int], Callable[[], object]]] = {
    "orders of digits and an x": lambda n: lookup(total_orders="1" * n + "x"),
    "orders of zeros": lambda n: lookup(total_orders="0" * n + "."),
    "orders of points": lambda n: lookup(total_orders="." * n),
    "orders of exponents": lambda n: lookup(total_orders="1e" + "1" * n + "x"),
    "blank orders and an x": lambda n: lookup(total_orders=" " * n + "x" + " " * n),
    "a time of digits": lambda n: lookup(last_order_ts="2018-05-03 18:00:00." + "1" * n),
    "a blank time": lambda n: lookup(last_order_ts=" " * n),
    "a long country": lambda n: lookup(country_code="\u0345" * n),
    "a long segmentation": lambda n: lookup(segment_name=" " * n + "x"),
    "a nested value": lambda n: lookup(last_order_ts=["x" * n]),
    "many fields": lambda n: lookup(**{str(field): field for field in range(n // 16)}),
    "history: orders of digits and an x": lambda n: column(parse_total_orders, "1" * n + "x"),
    "history: orders of zeros": lambda n: column(parse_total_orders, "0" * n),
    "history: amounts of digits": lambda n: column(parse_amount, "1" * n + "." + "1" * n),
    "history: a time of digits": lambda n: column(parse_timestamp, "2018-05-03 " + "1" * n),
    "history: a blank time": lambda n: column(parse_timestamp, " " * n + "x" + " " * n),
    "a source of slashes": lambda n: run(source="ftp:" + "//" * n),
    "a source of at signs": lambda n: run(source="https://" + "@" * n),
    "a long run id": lambda n: run(mode="remodel", run_id="a" * n + "/"),
    "a long date": lambda n: run(source="s3://b/k", cur_date="2018-09-15" * (n // 10)),
    "many countries": lambda n: run(source="s3://b/k", countries=[f"c{k}" for k in range(n // 128)] * 2),
    "a country of marks": lambda n: run(source="s3://b/k", countries=["e" + "\u0301\u0323" * n]),
    "many unknown keys": lambda n: run(**{f"k{key}": 1 for key in range(n // 16)}),
    "many segments": lambda n: run(mode="remodel", segments={"segmentations": [segments(n // 64)]}),
    "many empty segments": lambda n: run(mode="remodel", segments={"segmentations": [{"segments": [{}] * (n // 64)}]}),
    "many segmentations": lambda n: run(mode="remodel", segments={"segmentations": [segments(1)] * (n // 64)}),
    "definitions as text": lambda n: lambda: load_definitions(json.dumps({"segmentations": [segments(n // 64)]})),
    "ranges of one number": lambda n: lambda: with_ranges(FREQUENT, ",".join(map(str, range(n // 64)))),
    "ranges of blanks": lambda n: lambda: with_ranges(FREQUENT, "1" + " " * n + "x"),
    "ranges of digits": lambda n: lambda: with_ranges(FREQUENT, "1" * n),
    "ranges of commas": lambda n: lambda: with_ranges(FREQUENT, "," * n),
    "an Accept of many types": lambda n: lambda: prefers_html("text/html;q=0.5," * (n // 16)),
    "an Accept of parameters": lambda n: lambda: prefers_html("text/html" + ";" * n),
}


def seconds(read: Callable[[], object]) -> float:
    """Return how long it takes at best, of its own thread's time: what else the machine does is not in it."""
    best = float("inf")
    for _ in range(3):
        started = time.thread_time()
        with suppress(VoucherSelectionError):
            read()
        best = min(best, time.thread_time() - started)
    return best


@pytest.mark.parametrize("name", READERS)
def test_twice_the_input_takes_no_more_than_three_times_as_long(name: str):
    once, twice = (seconds(READERS[name](length)) for length in (LONGEST // 2, LONGEST))

    assert twice < 3 * once + 0.05
    assert once < 2


def test_a_refusal_of_much_stays_small():
    requests = {
        "keys": {f"k{key}": 1 for key in range(60_000)},
        "segments": {"mode": "remodel", "segments": {"segmentations": [{"segments": [{}] * 1_000}] * 20}},
        "a country": {"source": "s3://b/k", "countries": ["x" * 1_000_000]},
        "a date": {"source": "s3://b/k", "cur_date": "x" * 1_000_000},
        "a source": {"source": "x" * 1_000_000},
        "a mode": {"mode": "x" * 1_000_000},
    }
    for request in requests.values():
        with pytest.raises(VoucherSelectionError) as refused:
            parse_request(request)
        assert len(str(refused.value)) < 20_000


def test_more_segments_than_anybody_needs_are_refused_by_their_number():
    at_most, too_many = segments(MOST_SEGMENTS), segments(MOST_SEGMENTS + 1)

    assert len(Segmentation.model_validate(at_most).segments) == MOST_SEGMENTS
    with pytest.raises(VoucherSelectionError, match=r"segments: .* at most 1000 items"):
        parse_request({"mode": "remodel", "segments": {"segmentations": [too_many]}})
    with pytest.raises(VoucherSelectionError, match=r"segmentations: .* at most 20 items"):
        parse_request({"mode": "remodel", "segments": {"segmentations": [segments(1)] * 21}})


def test_a_value_finds_its_segment_among_the_most_there_can_be():
    segmentation = Segmentation.model_validate(segments(MOST_SEGMENTS) | {"outside": "beyond"})

    assert [segmentation.segment_for(n) for n in (-1, 0, 500, 999, 1_000)] == ["beyond", "s0", "s500", "s999", "beyond"]


def test_many_lookups_of_a_large_model_are_answered_in_a_second_and_few_bytes():
    model = model_of(
        countries=tuple(f"country {n}" for n in range(2_000)),
        definitions=SegmentDefinitions.model_validate({"segmentations": [segments(MOST_SEGMENTS)]}),
    )
    customer = {"segment_name": "f", "country_code": "nowhere", "total_orders": 5_000}
    customers: list[object] = [customer, customer | {"country_code": "COUNTRY 7"}] * (MOST_CUSTOMERS // 2)

    started = time.thread_time()
    answer = json.dumps(look_up_all(model, customers))

    assert time.thread_time() - started < 1
    assert len(answer) < 1_000_000
