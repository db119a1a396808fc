"""Any text at all means the same date or number in a history, in a customers' file and in a lookup's request."""

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.quickstart.proof import reference
from voucher_selection.domain.formats import MOST_DIGITS, NULL_WORDS
from voucher_selection.domain.lookups import InvalidLookup, LookupRequest
from voucher_selection.domain.parsing import Parsed, parse_amount, parse_timestamp, parse_total_orders

EXAMPLES = settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
REFUSED = object()

SPACES = st.sampled_from(["", "", "", *" \t\n\r\v\f\x1c\x1f\x85\u00a0\u1680\u2003\u2028\u202f\u3000\ufeff\u200b\0"])
WORDS = st.sampled_from(NULL_WORDS).flatmap(
    lambda word: st.sampled_from([word, word.upper(), word.title(), f"{word}x"])
)
DIGITS = st.integers(0, 10**6).map(str) | st.sampled_from(["", "0", "00", "1_0", "\u0663", "\uff13", "²", "1 0", "1,0"])
NUMBERS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "", "+", "-", "--", "+-", "\u2212"]),
    DIGITS,
    st.sampled_from(["", "", ".", ".0", ".00", ".5", "..", ".0.", ",0"]),
    st.sampled_from(["", "", "", "e", "e0", "E1", "e+2", "e-1", "e+003", "e400", "e-400", "e1.0", "d1", "f", "L", "%"]),
    st.sampled_from(["", "", "", "\0", "j"]),
) | st.sampled_from(
    ["inf", "-inf", "Infinity", "nan(1)", "nan()", "-nan(x)", "0x10", "0b1", "1e", ".", "True", "9007199254740992"]
    + ["9007199254740993", "9007199254740991.5", "0e500", "0e-99999", "1e99999", "1e" + "9" * 30, "00e1", "0.1e1"]
    + ["0" * n + "5" for n in (79, 80, 200)]
    + ["5." + "0" * n for n in (80, 81, 200)]
    + ["0" * 40 + "5." + "0" * 60, "5e" + "0" * 81, "1" * 20_000 + "x", "1" * 20_000]
)
TWO_DIGITS = st.integers(0, 99).map("{:02}".format) | st.sampled_from(["", "1", "001", "\u0660\u0661", "-1", "+1"])
DATES = st.dates().map(str) | st.builds(
    "{}-{}-{}".format, st.sampled_from(["0000", "0001", "2018", "9999", "10000", "18"]), TWO_DIGITS, TWO_DIGITS
)
TIMES = (
    st.times().map(str)
    | st.builds("{}:{}".format, TWO_DIGITS, TWO_DIGITS)
    | st.sampled_from(
        [
            "24:00",
            "24:00:00",
            "23:59:60",
            "18",
            "1800",
            "180000",
            "18:00:00,5",
            "18:00:00.",
            "18:00:00.1234567",
            "6:00",
            "06:00 PM",
        ]
    )
)
OFFSETS = st.sampled_from(
    [
        "",
        "",
        "",
        "Z",
        "z",
        " Z",
        "+02:00",
        "-0530",
        "+02",
        "+2",
        "+24:00",
        "-23:59",
        "+00:60",
        "+14:00:00",
        "UTC",
        "-00:00",
        "\0",
    ]
)
MOMENTS = (
    DATES
    | st.builds("{}{}{}{}".format, DATES, st.sampled_from([" ", "T", "t", "_", "", "  ", "\u00a0"]), TIMES, OFFSETS)
    | st.builds("{}{}".format, DATES, OFFSETS)
    | st.sampled_from(
        ["20180420", "2018-W16-5", "2018-110", "20/04/2018", "2018-04", "now", "1524182400", "\u0662018-04-20"]
    )
)


def spaced(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds("{}{}{}".format, SPACES, texts | WORDS | st.text(max_size=8), SPACES)


def in_a_request(field: str, text: str) -> Any:
    fields = {"country_code": "Peru", "segment_name": "frequent_segment", field: text}
    try:
        return getattr(LookupRequest.parse(fields), field)
    except InvalidLookup:
        return REFUSED


def in_a_history(parse: Callable[[pa.Array], Parsed], text: str) -> list[Any]:
    """Return what the text means by itself, among usual values, and in a dictionary."""
    usual = {parse_timestamp: "2018-04-20"}.get(parse, "2")
    columns = [pa.array([text]), pa.array([usual, text]), pa.array([text, usual, text]).dictionary_encode()]
    parsed = [parse(column) for column in columns]
    return [
        REFUSED if found.malformed[place].as_py() else found.values[place].as_py()
        for place, found in zip((0, 1, 2), parsed, strict=True)
    ]


@EXAMPLES
@given(spaced(NUMBERS))
def test_orders_mean_the_same_in_a_history_and_in_a_request(text: str):
    assert in_a_history(parse_total_orders, text) == [in_a_request("total_orders", text)] * 3


@EXAMPLES
@given(spaced(MOMENTS))
def test_times_mean_the_same_in_a_history_and_in_a_request(text: str):
    assert in_a_history(parse_timestamp, text) == [in_a_request("last_order_ts", text)] * 3


@EXAMPLES
@given(spaced(NUMBERS | MOMENTS), st.sampled_from(["total_orders", "last_order_ts", "first_order_ts"]))
def test_the_document_allows_every_text_that_a_request_takes(text: str, field: str):
    schemas = LookupRequest.model_json_schema()["properties"][field]["anyOf"]
    allowed = any(re.search(schema["pattern"], text) for schema in schemas if schema["type"] == "string")

    assert allowed or in_a_request(field, text) is REFUSED


@EXAMPLES
@given(spaced(NUMBERS.filter(lambda text: len(text) <= MOST_DIGITS)))
def test_amounts_in_text_mean_what_the_reference_reads(text: str):
    meant = reference.amount(text)

    assert in_a_history(parse_amount, text) == [REFUSED if meant == reference.MALFORMED else meant] * 3


@pytest.mark.parametrize("word", [*NULL_WORDS, "NULL", "None", "NaT", "N/A", r"\N", "", "  ", "\t NaN \n"])
def test_a_null_word_is_null_in_every_column_of_dates_and_numbers(word: str):
    for parse in (parse_total_orders, parse_timestamp, parse_amount):
        assert in_a_history(parse, word) == [None] * 3
    assert in_a_request("total_orders", word) is None
    assert in_a_request("last_order_ts", word) is None


@pytest.mark.parametrize("name", ["NULL", "nan", "NA"])
def test_a_country_may_be_called_as_a_null_word(name: str):
    request = LookupRequest.parse({"country_code": name, "segment_name": name})

    assert (request.country_code, request.segment_name) == (name, name)


def test_a_number_of_too_many_digits_is_refused_with_the_limit():
    with pytest.raises(
        InvalidLookup, match=f"total_orders: .* at most {MOST_DIGITS} digits before and after the point"
    ):
        LookupRequest.parse({"country_code": "Peru", "segment_name": "s", "total_orders": "1" * 81})
