"""A segmentation by each measure, from a history to the answers: lookups, bulk lookups and assign say the same."""

from datetime import date
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.quickstart.here.sample import sample_history
from local.quickstart.proof import reference
from tests.customers import answered
from tests.models import model_of
from voucher_selection.api.bulk_lookups import look_up_all
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import AmountCount, Model, SegmentMode
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.windows import ALL_DAYS, Window
from voucher_selection.pipeline.assignments import assign
from voucher_selection.pipeline.publishing import counts_in_window

CUR_DATE = date(2018, 9, 15)
RANGES = {
    Measure.TOTAL_ORDERS: ((0, 4), (5, 13), (14, None)),
    Measure.DAYS_SINCE_LAST_ORDER: ((30, 90), (91, 180), (181, None)),
    Measure.DAYS_SINCE_LAST_ORDER_WHEN_GIVEN: ((0, 45), (46, 91), (92, None)),
    Measure.MONTHS_SINCE_FIRST_ORDER: ((0, 11), (12, 23), (24, None)),
}
DEFINITIONS = SegmentDefinitions.model_validate(
    {
        "segmentations": [
            {
                "name": f"by_{measure}",
                "measure": measure,
                "segments": [
                    {"name": f"from {lower}".replace(" ", "_"), "lower": lower, "upper": upper}
                    for lower, upper in ranges
                ],
                "outside": None,
            }
            for measure, ranges in RANGES.items()
        ]
    }
)
DAYS = st.dates(date(2014, 1, 1), date(2018, 10, 1))
CUSTOMERS = st.fixed_dictionaries(
    {
        "country_code": st.sampled_from(["Peru", "peru", "Oz"]),
        "segment_name": st.sampled_from([*DEFINITIONS.names, "by_age"]),
        "total_orders": st.none() | st.integers(0, 60).map(str),
        "last_order_ts": st.none() | DAYS.map(date.isoformat),
        "first_order_ts": st.none() | DAYS.map(date.isoformat),
    }
)


@pytest.fixture(scope="module")
def history() -> pa.Table:
    return sample_history(20_000, seed=5)


@pytest.fixture(scope="module", params=["all", "2018-06-01..2018-06-30", "60"])
def window(request: pytest.FixtureRequest) -> Window:
    return Window.model_validate(request.param)


@pytest.fixture(scope="module")
def model(history: pa.Table, window: Window) -> Model:
    counts = Counts.of(clean(history.combine_chunks().to_batches()[0], Reading(("Peru",))).kept)
    in_window = counts_in_window(counts, window, CUR_DATE)
    modes = segment_modes(in_window, DEFINITIONS, CUR_DATE, ["Peru"])
    return model_of(*modes, definitions=DEFINITIONS, cur_date=CUR_DATE, window=window)


def test_every_segment_has_the_amounts_of_the_reference(
    model: Model, history: pa.Table, window: Window, monkeypatch: pytest.MonkeyPatch
):
    by_measure = {
        segmentation.name: reference.Segmentation(
            segmentation.measure, {s.name: (s.lower, s.upper) for s in segmentation.segments}
        )
        for segmentation in DEFINITIONS.segmentations
    }
    monkeypatch.setattr(reference, "SEGMENTATIONS", by_measure)
    days = None if window == ALL_DAYS else window.days(CUR_DATE)

    _, expected = reference.answer(history, "Peru", CUR_DATE, days)

    found = {(m.segment_name, m.segment): {a.voucher_amount: a.count for a in m.assignments} for m in model.modes}
    assert found == expected
    assert {name for (name, _), amounts in found.items() if amounts} == set(DEFINITIONS.names)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(customers=st.lists(CUSTOMERS, min_size=1, max_size=10))
def test_lookups_bulk_lookups_and_assign_say_the_same(model: Model, customers: list[dict[str, Any]]):
    columns = {name: pa.array([row[name] for row in customers], pa.string()) for name in customers[0]}
    rows = pa.record_batch({"customer_id": pa.array(range(len(customers)))} | columns)

    expected = [answered(model, **row) for row in customers]
    assigned = assign(rows, model, None, pa.int64())
    bulk = look_up_all(model, list(customers))["vouchers"]

    columns_of = (assigned[name].to_pylist() for name in ("segment", "voucher_amount", "problem", "basis"))
    assert list(zip(*columns_of, strict=True)) == expected
    assert [
        (entry.get("segment"), entry.get("voucher_amount"), entry.get("problem", {}).get("code"), entry.get("basis"))
        for entry in bulk
    ] == expected


def test_a_lookup_needs_the_field_of_its_measure_and_no_other():
    fields = {"total_orders": 3, "last_order_ts": "2018-08-01", "first_order_ts": "2017-09-30"}
    expected = {
        "by_total_orders": "from_0",
        "by_days_since_last_order": "from_30",
        "by_days_since_last_order_when_given": "from_0",
        "by_months_since_first_order": "from_12",
    }
    modes = [
        SegmentMode("Peru", segmentation.name, segment, *bounds, (AmountCount(2640.0, 1),))
        for segmentation in DEFINITIONS.segmentations
        for segment, bounds in segmentation.bounds.items()
    ]
    of_all_segments = model_of(*modes, definitions=DEFINITIONS, cur_date=CUR_DATE)

    for name, segment in expected.items():
        asked = {"country_code": "Peru", "segment_name": name}
        field = DEFINITIONS[name].measure.field
        assert answered(of_all_segments, **asked, **{field: fields[field]})[:2] == (segment, 2640.0)
        others = {other: value for other, value in fields.items() if other != field}
        assert answered(of_all_segments, **asked, **others)[2] == "invalid_request"
