"""The look-up form, filled and sent as a person does it."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.visits import WIDTHS, Visits, status
from tests.lookup_requests import SEED_REQUEST
from tests.product import Product

with_and_without_javascript = pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])


def send(page: Page, **fields: str) -> None:
    """Fill the form with the seed's request, but for the fields named, and send it."""
    for name, value in (SEED_REQUEST | fields).items():
        element = page.locator(f"[name={name}]")
        if element.evaluate("element => element.tagName") == "SELECT":
            element.select_option(str(value))
        else:
            element.fill(str(value))
    page.locator("form [type=submit]").click()


@with_and_without_javascript
def test_the_form_answers_what_the_api_answers(visit: Visits, served: Product, *, javascript: bool):
    page = visit("search_voucher", javascript=javascript)

    send(page)

    expect(page.get_by_role("status")).to_contain_text("121-180")
    amount = served.lookup(**SEED_REQUEST).json()["voucher_amount"]
    assert f"{amount:.0f}" in page.get_by_role("status").inner_text().replace(",", "")


@with_and_without_javascript
def test_the_form_keeps_what_was_filled_in(visit: Visits, *, javascript: bool):
    page = visit("search_voucher", javascript=javascript)

    send(page)

    expect(page.get_by_role("status")).to_contain_text("121-180")
    for name, value in SEED_REQUEST.items():
        expect(page.locator(f"[name={name}]")).to_have_value(str(value))


@with_and_without_javascript
@pytest.mark.parametrize("width", WIDTHS)
def test_an_error_is_beside_its_field_and_told_with_it(visit: Visits, width: int, *, javascript: bool):
    page = visit("search_voucher", javascript=javascript, width=width, expected=[status(422)])

    send(page, total_orders="4.5")

    wrong = page.locator("[aria-invalid=true]")
    expect(wrong).to_have_count(1)
    expect(wrong).to_have_attribute("name", "total_orders")
    described = (wrong.get_attribute("aria-describedby") or "").split()
    (told,) = (error for name in described if "4.5" in (error := page.locator(f"#{name}")).inner_text())
    expect(told).to_be_visible()
    field, error = wrong.bounding_box(), told.bounding_box()
    assert field
    assert error
    assert abs(error["y"] - field["y"] - field["height"]) < 60
    assert error["x"] + error["width"] <= width


def test_a_customer_of_no_segment_is_told_so(visit: Visits):
    page = visit("search_voucher", expected=[status(404)])

    send(page, last_order_ts="2018-09-14")

    expect(page.get_by_role("status")).to_contain_text("in no segment")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("orders", ["15", "4.5"], ids=["answer", "error"])
def test_everybody_can_use_the_answer_and_the_error(visit: Visits, orders: str, *, dark: bool):
    page = visit("search_voucher", dark=dark, expected=[status(422)] if orders == "4.5" else [])

    send(page, total_orders=orders)

    expect(page.locator("[role=status], [aria-invalid=true]")).to_have_count(1)
    assert_accessible(page)
