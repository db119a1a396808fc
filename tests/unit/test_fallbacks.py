"""Where a segment has no answer, or too little support, the country answers if a lookup asks for it."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.models import model_of
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import NoSegment, NoSupport, UnknownCountry
from voucher_selection.domain.fallbacks import Fallback
from voucher_selection.domain.lookups import InvalidLookup, LookupRequest, look_up
from voucher_selection.domain.model import AmountCount, CountryMode, Model
from voucher_selection.domain.modes import country_modes, segment_modes
from voucher_selection.domain.rules import CLEANED_SCHEMA
from voucher_selection.domain.segments import shipped_definitions

CUR_DATE = date(2018, 9, 15)
COUNTRIES = ("Peru", "Latvia")
TO_COUNTRY = Fallback("country", 1)


def made_from(*rows: dict[str, Any]) -> Model:
    """Return the model of these kept rows, each a row of Peru with three orders but for the columns it names."""
    usual = {
        "timestamp": datetime(2018, 7, 21),
        "country_code": "Peru",
        "last_order_ts": None,
        "first_order_ts": None,
        "total_orders": 3,
        "voucher_amount": 2640.0,
    }
    counts = Counts.of(pa.RecordBatch.from_pylist([usual | row for row in rows], schema=CLEANED_SCHEMA))
    return model_of(
        *segment_modes(counts, shipped_definitions(), CUR_DATE, COUNTRIES),
        country_modes=country_modes(counts, COUNTRIES),
        countries=COUNTRIES,
        cur_date=CUR_DATE,
    )


def asked(model: Model, stage: Fallback = TO_COUNTRY, **fields: Any) -> dict[str, Any]:
    request = {"country_code": "Peru", "segment_name": "frequent_segment"} | fields
    return dict(look_up(model, LookupRequest.parse(request), stage))


FEW = [{"total_orders": 5, "voucher_amount": 4400.0}]
MANY = [{"total_orders": 3}] * 4
MODEL = made_from(*FEW, *MANY)


def test_a_country_has_the_amounts_of_all_its_kept_rows():
    latvia, no_day = {"country_code": "Latvia", "voucher_amount": 1.5}, {"timestamp": None}

    model = made_from(*FEW, *MANY, latvia, no_day | latvia, no_day | {"total_orders": 400})

    assert model.country_modes == (
        CountryMode("Peru", (AmountCount(2640.0, 5), AmountCount(4400.0, 1))),
        CountryMode("Latvia", (AmountCount(1.5, 2),)),
    )


def test_of_amounts_used_equally_often_in_a_country_the_smaller_one_answers():
    model = made_from({"voucher_amount": 20.0}, {"voucher_amount": 10.0, "total_orders": 9})

    assert asked(model, total_orders=38)["voucher_amount"] == 10.0


def test_without_a_fallback_only_segments_answer():
    answer = asked(MODEL, Fallback("none", 30), total_orders=5)

    assert (answer["segment"], answer["basis"], answer["support"]) == ("5-13", "segment", 1)
    with pytest.raises(NoSupport):
        asked(MODEL, Fallback(), total_orders=14)
    with pytest.raises(NoSegment):
        asked(MODEL, Fallback(), segment_name="recency_segment", last_order_ts="2018-09-03")
    with pytest.raises(InvalidLookup):
        asked(MODEL, Fallback())
    with pytest.raises(NoSupport):  # the least support alone is no fallback
        asked(MODEL, Fallback(), total_orders=14, least_support=1)


@pytest.mark.parametrize(
    ("fields", "segment"),
    [
        ({"total_orders": 14}, "14-37"),
        ({"total_orders": 5, "least_support": 2}, "5-13"),
        ({"segment_name": "recency_segment", "last_order_ts": "2018-09-03"}, None),
        ({"segment_name": "recency_segment"}, None),
        ({"segment_name": "recency_segment", "last_order_ts": " NULL "}, None),
        ({"total_orders": None}, None),
    ],
    ids=["no support", "too little support", "no segment", "no last order", "a null last order", "no orders"],
)
def test_the_country_answers_where_the_segment_does_not(fields: dict[str, Any], segment: str | None):
    answer = asked(MODEL, customer_id=7, **fields)

    assert answer == {
        "voucher_amount": 2640.0,
        "customer_id": 7,
        "country_code": "Peru",
        "segment_name": fields.get("segment_name", "frequent_segment"),
        "segment": segment,
        "basis": "country",
        "support": 5,
        "share": 0.8,
        "model": answer["model"],
    }


def test_a_segment_with_the_least_support_answers_itself():
    answer = asked(MODEL, total_orders=3, least_support=4)

    assert (answer["segment"], answer["basis"], answer["support"], answer["share"]) == ("1-4", "segment", 4, 1.0)


@pytest.mark.parametrize(
    ("stage", "fields", "basis"),
    [
        (Fallback(), {"fallback": "country"}, "country"),
        (Fallback(), {"fallback": "country", "least_support": 1}, "segment"),
        (Fallback("none", 2), {"fallback": "country"}, "country"),
        (Fallback("country", 2), {}, "country"),
        (Fallback("country", 2), {"least_support": "1.0"}, "segment"),
        (Fallback("country", 2), {"least_support": ""}, "country"),
        (Fallback("country", 2), {"fallback": " "}, "country"),
        (Fallback("country", 2), {"fallback": "none"}, "segment"),
    ],
    ids=str,
)
def test_what_a_lookup_names_comes_before_what_the_stage_does(stage: Fallback, fields: dict[str, Any], basis: str):
    orders = 5 if stage.least_support > 1 or "least_support" in fields else 14

    assert asked(MODEL, stage, total_orders=orders, **fields)["basis"] == basis


def test_a_country_with_too_little_support_does_not_answer():
    with pytest.raises(NoSupport, match="expected a support of at least 6 for the fallback, but Peru has only 5 kept"):
        asked(MODEL, total_orders=3, least_support=6)
    with pytest.raises(NoSupport, match="Latvia has only 0 kept"):
        asked(MODEL, country_code="Latvia", total_orders=3)


def test_a_model_of_an_older_version_has_no_amounts_of_countries():
    older = model_of(*MODEL.modes, countries=COUNTRIES)

    with pytest.raises(NoSupport, match="expected the amounts of Peru for the fallback, but an older version made"):
        asked(older, total_orders=14)
    assert asked(older, total_orders=3)["basis"] == "segment"


def test_what_is_wrong_stays_wrong_with_a_fallback():
    with pytest.raises(UnknownCountry):
        asked(MODEL, country_code="Chile")
    for fields in ({"segment_name": "loyalty"}, {"total_orders": "many"}, {"last_order_ts": "soon"}):
        with pytest.raises(InvalidLookup):
            asked(MODEL, **fields)


@pytest.mark.parametrize("value", [0, -1, 1.5, "0", "x", True, [], {}])
def test_a_least_support_is_a_whole_number_from_1(value: Any):
    with pytest.raises(InvalidLookup, match=r"^least_support: "):
        LookupRequest.parse({"country_code": "Peru", "segment_name": "frequent_segment", "least_support": value})


@pytest.mark.parametrize("value", ["Country", "segment", "null", 1, True, []])
def test_a_fallback_is_none_or_country(value: Any):
    with pytest.raises(InvalidLookup, match=r"^fallback: Input should be 'none' or 'country'"):
        LookupRequest.parse({"country_code": "Peru", "segment_name": "frequent_segment", "fallback": value})


ROWS = st.fixed_dictionaries(
    {
        "country_code": st.sampled_from(COUNTRIES),
        "total_orders": st.integers(1, 40),
        "last_order_ts": st.none() | st.integers(-5, 200).map(lambda n: datetime(2018, 9, 15) - timedelta(days=n)),
        "voucher_amount": st.sampled_from([2640.0, 3520.0, 4400.0]),
    }
)
SEGMENTATIONS = [segmentation.name for segmentation in shipped_definitions().segmentations]


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(ROWS, max_size=30),
    country=st.sampled_from(COUNTRIES),
    segmentation=st.sampled_from(SEGMENTATIONS),
    orders=st.none() | st.integers(1, 45),
    days=st.none() | st.integers(-10, 400),
    least=st.integers(1, 20),
)
def test_every_customer_is_answered_with_enough_support_unless_the_country_has_less(
    rows: list[dict[str, Any]], country: str, segmentation: str, orders: int | None, days: int | None, least: int
):
    model = made_from(*rows)
    last_order = None if days is None else str(CUR_DATE - timedelta(days=days))
    customer = {"country_code": country, "segment_name": segmentation, "total_orders": orders}
    given_in_country = Counter(row["voucher_amount"] for row in rows if row["country_code"] == country)
    support = given_in_country.total()

    try:
        answer = asked(model, **customer, last_order_ts=last_order, least_support=least)
    except NoSupport:
        assert support < least
        return

    assert answer["support"] >= least
    by_key = {mode.key: mode for mode in model.modes}
    own = answer["segment"] and by_key[country, segmentation, answer["segment"]]
    assert (answer["basis"] == "segment") == bool(own and own.support >= least)
    if answer["basis"] == "country":
        most = max(given_in_country.values())
        amount = min(amount for amount, count in given_in_country.items() if count == most)
        assert (answer["voucher_amount"], answer["support"], answer["share"]) == (amount, support, most / support)
    else:
        assert (answer["voucher_amount"], answer["support"]) == (own.voucher_amount, own.support)
