"""How good the model is, on the report of a history of many months; and best ranges, tried and published."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.accessibility import assert_accessible, assert_readable
from tests.browser.forms import assert_told_beside, send
from tests.browser.pictures import ColorScheme
from tests.browser.tables import NOTHING, number, percent, rows_of
from tests.browser.visits import Visits, status
from tests.histories import parquet_bytes
from tests.product import Product
from voucher_selection.domain.wording import USED_MOST, points

with_and_without_javascript = pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
SIZES = {360: 740, 800: 900, 1440: 900}
_DAY = np.timedelta64(1, "D")


def many_months(rows: int = 20_000) -> pa.Table:
    """A history of two countries over 19 months; who orders often is given another amount, and so are old customers."""
    chance = np.random.default_rng(2018)
    assigned = np.datetime64("2017-01-15") + chance.integers(0, 560, rows) * _DAY
    last_order = assigned - chance.choice([31, 91, 150], rows, p=[0.5, 0.4, 0.1]) * _DAY
    first_order = last_order - chance.integers(30, 900, rows) * _DAY
    orders = np.minimum(chance.geometric(0.11, rows), 60)
    amounts = np.where((orders > 9) ^ (chance.random(rows) < 0.25), 2640.0, 3520.0)
    amounts = np.where((first_order < np.datetime64("2015-11-01")) & (chance.random(rows) < 0.9), 5280.0, amounts)
    campaign = (assigned > np.datetime64("2018-02-01")) & (chance.random(rows) < 0.4)
    country = chance.choice(["Peru", "China"], rows)
    return pa.table(
        {
            "timestamp": np.char.add(assigned.astype(str), " 12:00:00"),
            "country_code": country,
            "last_order_ts": last_order.astype(str),
            "first_order_ts": pa.array(first_order.astype("datetime64[ms]"), pa.timestamp("ms")),
            "total_orders": orders.astype(str),
            "voucher_amount": np.where(campaign, 4400.0, amounts) / np.where(country == "China", 2, 1),
        }
    )


@pytest.fixture(scope="module")
def months(served_again: Product) -> Iterator[Product]:
    """The product with a model of many months; afterwards it serves what it served before."""
    source = served_again.upload("months.parquet", parquet_bytes(many_months()))
    run = served_again.execute(source=source, countries=["Peru", "China"], cur_date="2018-09-15")
    assert run["status"] == "SUCCEEDED", run
    return served_again


def quality_of(product: Product) -> dict[str, Any]:
    quality: dict[str, Any] = product.request("GET", "model").json()["quality"]
    return quality


def form_of(page: Page) -> Locator:
    return page.locator("form", has=page.get_by_role("button", name="Find the best ranges"))


def open_all(page: Page) -> None:
    page.locator("details").evaluate_all("all => all.forEach(details => { details.open = true; })")


def in_points(share: float | None, other: float | None) -> str:
    return NOTHING if share is None else points(share, other)


@with_and_without_javascript
def test_the_worth_of_each_segmentation_is_what_the_api_answers(visit: Visits, months: Product, *, javascript: bool):
    page = visit("report", javascript=javascript)

    rows = rows_of(page.get_by_role("group", name="What the segmentations are worth"))

    expected = []
    for found in quality_of(months)["segmentations"]:
        agreement, last = found["agreement"], found["backtest"][-1]
        segments, country = agreement["segments"], agreement["country"]
        expected.append(
            [
                *(found["country_code"], found["segment_name"], number(agreement["support"])),
                *(percent(segments), percent(country), in_points(segments, country)),
                f"{last['month']}: {in_points(last['segments'], last['country'])}",
            ]
        )
    assert rows == expected
    assert float(rows[0][5]) > 5  # who orders often is given another amount
    expect(page.get_by_text(USED_MOST).first).to_be_visible()


def test_the_backtest_is_a_picture_with_its_numbers(visit: Visits, months: Product):
    page = visit("report")
    backtest = quality_of(months)["segmentations"][0]["backtest"]

    chart = page.get_by_role("img", name="Backtest, Peru, frequent_segment")
    expect(chart).to_be_visible()
    assert chart.locator("circle").count() == len(backtest) == 18
    page.get_by_text("Numbers of the backtest").first.click()

    assert rows_of(page.get_by_role("group", name="Backtest, Peru, frequent_segment", exact=True)) == [
        [
            *(month["month"], number(month["tested"]), percent(month["segments"]), percent(month["country"])),
            *(in_points(month["segments"], month["country"]), percent(month["unanswered"] / month["tested"])),
        ]
        for month in reversed(backtest)
    ]


def test_a_strip_has_a_cell_for_each_month_and_says_why_it_changes(visit: Visits, months: Product):
    page = visit("report?country=China")
    (country,) = (each for each in quality_of(months)["countries"] if each["country_code"] == "China")

    (strip,) = rows_of(page.get_by_role("group", name="Amounts over time, China as a whole"))

    assert [cell.split("\n")[0] for cell in strip] == [
        "China",
        *(f"{month['voucher_amount']:.15g}" for month in country["months"]),
    ]
    changed = [month for month in country["months"] if month["change"]]
    assert changed
    assert [cell.split("\n")[-1] for cell in strip if cell.endswith(("own", "shift"))] == [
        month["change"] for month in changed
    ]
    page.get_by_text("in words").first.click()
    told = page.locator(".changes").first.locator("li")
    expect(told).to_have_count(len(changed))
    expect(told.first).to_contain_text(f"{changed[0]['month']}, China: {changed[0]['voucher_amount']:.15g} instead of")


def test_the_last_months_are_seen_first_on_a_phone(visit: Visits, months: Product):
    page = visit("report", width=390)

    strip = page.get_by_role("group", name="Amounts over time, Peru as a whole")
    strip.scroll_into_view_if_needed()

    expect(strip.locator("td").last).to_be_in_viewport()
    expect(strip.locator("td").first).not_to_be_in_viewport()
    expect(strip.locator("tbody th")).to_be_in_viewport()


def test_everybody_can_use_all_of_the_report_on_every_screen(
    visit: Visits, months: Product, picture: Callable[[Page, str, int, ColorScheme], None]
):
    page = visit("report?best_ranges=1&most_ranges=3&least_support=500")
    picture(page, "quality", 1280, "light")
    page.emulate_media(color_scheme="dark")
    picture(page, "quality", 1280, "dark")
    page.emulate_media(color_scheme="light")
    picture(page, "best ranges", 1280, "light")

    open_all(page)
    for width, height in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.emulate_media(color_scheme="light")
        assert_accessible(page)
        page.emulate_media(color_scheme="dark")
        assert_readable(page)
    page.set_viewport_size({"width": 1280, "height": 800})


def test_the_keyboard_is_enough(visit: Visits, months: Product):
    page = visit("report")
    summary = page.locator("summary", has_text="recency_segment")

    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Amounts over time, Peru, recency_segment")).to_be_visible()
    page.get_by_label("Most ranges").focus()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("2")
    page.keyboard.press("Enter")

    expect(page.locator("#best-ranges-result")).to_be_visible()
    link = page.get_by_role("link", name="Try as a what-if").last
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#what-if-result")).to_be_visible()


@with_and_without_javascript
def test_best_ranges_are_what_the_api_answers_and_can_be_tried(visit: Visits, months: Product, *, javascript: bool):
    page = visit("report", javascript=javascript)
    asked = {"measure": "months_since_first_order", "countries": ["Peru"], "cur_date": "2018-09-15"}
    answer = months.request("POST", "best_ranges", json=asked | {"most_ranges": 2, "least_support": 50}).json()

    fields = {"measure": asked["measure"], "countries": "Peru", "most_ranges": "2", "least_support": "50"}
    send(form_of(page), **fields)

    rows = rows_of(page.get_by_role("group", name="Best ranges", exact=True))
    assert [[row[0], row[2]] for row in rows] == [
        [str(found["most_ranges"]), percent(found["agreement"])] for found in answer["found"]
    ]
    expect(page.get_by_label("Least support")).to_have_value("50")
    ranges = ", ".join(segment["name"] for segment in answer["found"][1]["definition"]["segments"])
    assert len(ranges.split(", ")) == 2
    page.get_by_role("link", name=f"Try as a what-if: {ranges}").click()

    expect(page.get_by_label("Added: segments of best_months_since_first_order")).to_have_value(ranges)
    tried = rows_of(page.get_by_role("group", name="Segments of the what-if"))
    assert [row[2] for row in tried if row[:2] == ["Peru", "best_months_since_first_order"]] == ranges.split(", ")
    # The added segmentation stays when the form is sent again.
    send(page.locator("form", has=page.get_by_role("button", name="Show what would change")), cur_date="2018-08-01")
    expect(page.get_by_label("Added: segments of best_months_since_first_order")).to_have_value(ranges)
    expect(page.locator("#what-if-result h3")).to_have_text("With CUR_DATE 2018-08-01")


@with_and_without_javascript
def test_what_cannot_be_used_is_told_beside_its_field(visit: Visits, months: Product, *, javascript: bool):
    page = visit("report", javascript=javascript, expected=[status(422)])

    send(form_of(page), countries="Chile", most_ranges="many", best_window="always")

    assert_told_beside(page.locator("[name=countries]"), "expected some of Peru, China, got Chile")
    assert_told_beside(page.locator("[name=most_ranges]"), "got 'many'")
    assert_told_beside(page.locator("[name=best_window]"), "expected days like 2018-06-01..2018-07-31")
    expect(page.locator("[aria-invalid=true]")).to_have_count(3)
    expect(page.locator("#best-ranges-result")).to_have_count(0)


def test_best_ranges_can_be_published(visit: Visits, months: Product):
    page = visit("report?best_ranges=1&measure=total_orders&most_ranges=2&least_support=500")

    page.get_by_role("button", name="Publish").last.click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Run run-")
    run = months.ended(page.url.rpartition("/")[2])
    assert (run["status"], run["mode"]) == ("SUCCEEDED", "remodel")
    by_orders = months.request("GET", "model").json()["definitions"]["segmentations"][0]
    assert (by_orders["name"], len(by_orders["segments"])) == ("frequent_segment", 2)
