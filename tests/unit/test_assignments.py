"""Many customers at once are given what a lookup gives each of them."""

import pyarrow as pa
import pytest

from tests.customers import CASES, RECENT, Answered, answered, case
from tests.models import model_of
from voucher_selection.domain.fallbacks import Fallback
from voucher_selection.domain.model import AmountCount, CountryMode, Model, SegmentMode
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.pipeline.assignments import assign, output_schema


@pytest.fixture(scope="module")
def model() -> Model:
    """A model of two countries: an amount of its own for each segment, and none for the first of each segmentation."""
    modes = [
        SegmentMode(country, segmentation.name, name, *bounds, (AmountCount(100.0 * n + 10, 5),) if n else ())
        for country in ("Peru", "Latvia")
        for segmentation in shipped_definitions().segmentations
        for n, (name, bounds) in enumerate(segmentation.bounds.items())
    ]
    of_countries = (CountryMode("Peru", (AmountCount(7.5, 40),)), CountryMode("Latvia", (AmountCount(8.5, 4),)))
    return model_of(*modes, countries=("Peru", "Latvia"), country_modes=of_countries)


def answers(rows: pa.RecordBatch) -> list[Answered]:
    columns = (rows[name].to_pylist() for name in ("segment", "voucher_amount", "problem", "basis"))
    return list(zip(*columns, strict=True))


def batch(cases: list[dict], **columns: pa.Array) -> pa.RecordBatch:
    given = {name: pa.array([row[name] for row in cases], pa.string()) for name in case()}
    return pa.record_batch({"customer_id": pa.array(range(len(cases)))} | given | columns)


@pytest.mark.parametrize("country", ["Peru", "Latvia"])
def test_each_row_is_answered_as_a_lookup_of_it_is(model: Model, country: str):
    cases = [row | ({"country_code": country} if row["country_code"] == "Peru" else {}) for row in CASES]

    found = assign(batch(cases), model, None, pa.int64())

    assert found.schema == output_schema(pa.int64())
    assert list(zip(cases, answers(found), strict=True)) == [(row, answered(model, **row)) for row in cases]


@pytest.mark.parametrize("least", [1, 5, 6, 41])
@pytest.mark.parametrize("country", ["Peru", "Latvia"])
def test_with_a_fallback_too_each_row_is_answered_as_a_lookup_of_it_is(model: Model, country: str, least: int):
    cases = [row | ({"country_code": country} if row["country_code"] == "Peru" else {}) for row in CASES]
    fallback = Fallback("country", least)

    found = assign(batch(cases), model, None, pa.int64(), least)

    expected = [(row, answered(model, fallback, **row)) for row in cases]
    assert list(zip(cases, answers(found), strict=True)) == expected
    assert "country" in {basis for *_, basis in answers(found)} or least > 4


def test_with_a_fallback_a_missing_value_is_no_problem_and_a_malformed_one_stays_one(model: Model):
    rows = batch([case(total_orders=text) for text in (None, "many", "")] + [case(segment_name="loyalty")])

    found = answers(assign(rows, model, None, pa.int64(), 30))

    assert found == [
        (None, 7.5, None, "country"),
        (None, None, "invalid_request", None),
        (None, 7.5, None, "country"),
        (None, None, "invalid_request", None),
    ]


def test_dictionaries_larger_than_the_batch_and_unused_values_change_nothing(model: Model):
    cases = CASES * 2
    rows = batch(cases)
    encoded = [column.dictionary_encode() if column.type == pa.string() else column for column in rows.columns]
    few = pa.record_batch(encoded, names=rows.schema.names).slice(3, 5)

    assert answers(assign(few, model, None, pa.int64())) == [answered(model, **row) for row in cases[3:8]]


def test_the_runs_segmentation_comes_before_the_rows(model: Model):
    rows = batch([case(segment_name="loyalty"), case(segment_name=None)])

    found = assign(rows, model, RECENT, pa.int64())

    assert answers(found) == [answered(model, **case(segment_name=RECENT))] * 2
    assert found["segment_name"].to_pylist() == [RECENT, RECENT]


def test_what_was_asked_is_given_back_without_the_white_space_around_it(model: Model):
    found = assign(batch([case(country_code=" Peru "), case(country_code="x" * 129)]), model, None, pa.int64())

    assert found["country_code"].to_pylist() == ["Peru", "x" * 129]


def test_a_country_is_named_as_the_model_does(model: Model):
    cases = [case(country_code=name, total_orders="10") for name in ("PERU", "latvia", "CHILE")]

    found = assign(batch(cases), model, None, pa.int64())

    assert found["country_code"].to_pylist() == ["Peru", "Latvia", "CHILE"]
    assert found["problem"].to_pylist() == [None, None, "unknown_country"]


def test_without_first_orders_nothing_contradicts_the_last(model: Model):
    rows = batch([case()]).drop_columns(["first_order_ts"])

    assert answers(assign(rows, model, None, pa.int64())) == [answered(model, **case(first_order_ts=None))]


def test_columns_without_a_type_are_null(model: Model):
    rows = batch([case()], last_order_ts=pa.nulls(1), customer_id=pa.nulls(1))

    assert answers(assign(rows, model, None, pa.string())) == [answered(model, **case(last_order_ts=None))]


def test_no_rows_are_no_answers(model: Model):
    assert assign(batch([case()]).slice(0, 0), model, None, pa.int64()).num_rows == 0
