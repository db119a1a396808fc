"""The page of segments: the numbers of the API, and what stands behind them, at a glance."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.tables import NOTHING, amount, number, percent, rows_of
from tests.browser.visits import Visits, status
from tests.histories import history, parquet_bytes, repeated
from tests.product import Product

ROWS = [
    # 45 days before CUR_DATE: 20 and 15; 76 days: 16 and 12; 106 days: 40 and 5.
    *repeated(20, last_order_ts="2018-08-01", voucher_amount=100.0),
    *repeated(15, last_order_ts="2018-08-01", voucher_amount=200.5),
    *repeated(16, last_order_ts="2018-07-01", voucher_amount=100.0),
    *repeated(12, last_order_ts="2018-07-01", voucher_amount=200.5),
    *repeated(40, last_order_ts="2018-06-01", voucher_amount=200.5),
    *repeated(5, last_order_ts="2018-06-01", voucher_amount=100.0),
    *repeated(2, country_code="Latvia", last_order_ts="2018-08-01", voucher_amount=7.0),
]


@pytest.fixture(scope="module")
def two_countries(served_again: Product) -> Iterator[Product]:
    """The product with a model of few rows of two countries."""
    source = served_again.upload("few.parquet", parquet_bytes(history(*ROWS)))
    run = served_again.execute(source=source, countries=["Peru", "Latvia"])
    assert run["outcome"] == "published", run
    yield served_again


def of_country(product: Product, country: str, segmentation: str) -> list[dict[str, Any]]:
    segments = product.request("GET", "selection_criteria").json()["segments"]
    return [s for s in segments if (s["country_code"], s["segment_name"]) == (country, segmentation)]


@pytest.mark.parametrize("segmentation", ["frequent_segment", "recency_segment"])
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_the_page_has_the_numbers_of_the_api(visit: Visits, served: Product, segmentation: str, *, javascript: bool):
    page = visit("segments", javascript=javascript)
    expected = of_country(served, "Peru", segmentation)

    table = page.get_by_role("group", name=f"Peru, {segmentation}")

    rows = rows_of(table)
    assert [row[0].partition("\n")[0] for row in rows] == [segment["segment"] for segment in expected]
    assert [row[1:4] for row in rows] == [
        [amount(segment["voucher_amount"]), number(segment["support"]), percent(segment["share"])]
        for segment in expected
    ]
    labels = table.get_by_role("img").evaluate_all("charts => charts.map(chart => chart.getAttribute('aria-label'))")
    assert labels == [
        f"Amounts given in {segment['segment']}: "
        + ", ".join(
            f"{amount(given['voucher_amount'])} {percent(given['count'] / segment['support'])}"
            for given in segment["assignments"]
        )
        for segment in expected
    ]
    assert len(labels) == len(rows)


def test_bars_are_as_long_as_the_amounts_are_frequent(visit: Visits, served: Product):
    page = visit("segments")
    (segment,) = (s for s in of_country(served, "Peru", "recency_segment") if s["segment"] == "121-180")

    bars = page.get_by_role("img", name="Amounts given in 121-180").locator("rect")
    widths = bars.evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().width)")

    counts = [given["count"] for given in segment["assignments"]]
    assert [width / widths[0] for width in widths] == pytest.approx([count / counts[0] for count in counts], abs=0.01)


def test_thin_evidence_and_near_ties_are_marked(two_countries: Product, visit: Visits):
    page = visit("segments")

    rows = rows_of(page.get_by_role("group", name="Peru, recency_segment"))
    marks = {row[0].partition("\n")[0]: row[1:5] for row in rows}

    assert marks == {
        "30-60": ["100", "35", "57.1 %", "near tie"],
        "61-90": ["100", "28", "57.1 %", "thin"],
        "91-120": ["200.5", "45", "88.9 %", "clear"],
        "121-180": [NOTHING, "0", NOTHING, "no evidence"],
        "180+": [NOTHING, "0", NOTHING, "no evidence"],
    }


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_another_country_is_chosen(two_countries: Product, visit: Visits, *, javascript: bool):
    page = visit("segments", javascript=javascript)
    expect(page.get_by_role("heading", level=2)).to_have_text("Peru")

    page.get_by_label("Country").select_option("Latvia")
    page.get_by_role("button", name="Show").click()

    expect(page.get_by_role("heading", level=2)).to_have_text("Latvia")
    expect(page.get_by_label("Country")).to_have_value("Latvia")
    first, *_ = rows_of(page.get_by_role("group", name="Latvia, recency_segment"))
    assert first[1:5] == ["7", "2", "100.0 %", "thin"]


def test_a_country_that_the_model_has_not_is_told_with_those_it_has(two_countries: Product, visit: Visits):
    page = visit("segments?country=Chile", expected=[status(404)])

    expect(page.get_by_role("alert")).to_contain_text("Chile")
    expect(page.get_by_role("alert")).to_contain_text("Peru")
    expect(page.get_by_role("alert")).to_contain_text("Latvia")
