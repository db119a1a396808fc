"""The look-up form, filled and sent as a person does it."""

import json
import subprocess

import pytest
from playwright.sync_api import Page, expect

from tests.browser.forms import SEED_FIELDS, assert_told_beside, look_up
from tests.browser.tables import amount, number, percent
from tests.browser.visits import WIDTHS, Visits, status
from tests.lookup_requests import SEED_REQUEST
from tests.product import Product

with_and_without_javascript = pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])


def focused(page: Page) -> str:
    """What has the focus: its name, or its text."""
    return page.evaluate("document.activeElement.name || document.activeElement.innerText.trim()")


@with_and_without_javascript
def test_the_form_answers_what_the_api_answers(visit: Visits, served: Product, *, javascript: bool):
    page = visit("search_voucher", javascript=javascript)
    told = served.lookup(**SEED_REQUEST).json()
    (segment,) = (
        segment
        for segment in served.request("GET", "selection_criteria").json()["segments"]
        if (segment["segment_name"], segment["segment"]) == (told["segment_name"], told["segment"])
    )

    look_up(page)

    most = segment["assignments"][0]["count"]
    expect(page.get_by_role("status")).to_have_text(
        f"{amount(told['voucher_amount'])} is the amount used most in segment 121-180 of recency_segment in Peru:"
        f" it was given in {number(most)} of {number(told['support'])} assignments, {percent(told['share'])}."
    )
    result = page.locator("#result")
    runner_up = segment["assignments"][1]
    expect(result).to_contain_text(
        f"A clear win. The runner-up, {amount(runner_up['voucher_amount'])},"
        f" has {percent(runner_up['count'] / told['support'])};"
        f" the lead is {number(most - runner_up['count'])} assignments."
    )
    expect(result).to_contain_text("The last order, on 2018-05-03, is 135 days before CUR_DATE, 2018-09-15.")
    expect(result).to_contain_text("The segment holds 121 to 180 days since the last order.")
    bars = ", ".join(
        f"{amount(given['voucher_amount'])} {percent(given['count'] / told['support'])}"
        for given in segment["assignments"]
    )
    expect(result.get_by_role("img")).to_have_attribute("aria-label", f"Amounts given in 121-180: {bars}")
    expect(page.locator("footer")).to_contain_text(f"Model {told['model']['version']}")


@with_and_without_javascript
def test_the_form_keeps_what_was_filled_in(visit: Visits, *, javascript: bool):
    page = visit("search_voucher", javascript=javascript)

    look_up(page)

    expect(page.locator("#result")).to_be_visible()
    for name, value in SEED_FIELDS.items():
        expect(page.locator(f"[name={name}]")).to_have_value(value)


def test_the_command_beside_the_answer_answers_the_same(visit: Visits, served: Product):
    page = visit("search_voucher")
    look_up(page)

    command = page.get_by_label("curl command").inner_text()
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)

    told = served.lookup(**SEED_REQUEST).json()
    # A form's fields are text.
    assert json.loads(done.stdout) == told | {"customer_id": "123"}


@with_and_without_javascript
@pytest.mark.parametrize("width", WIDTHS)
def test_an_error_is_beside_its_field_and_told_with_it(visit: Visits, width: int, *, javascript: bool):
    page = visit("search_voucher", javascript=javascript, width=width, expected=[status(422)])

    look_up(page, last_order_ts="")

    assert_told_beside(page.locator("[name=last_order_ts]"), "recency_segment")
    expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_text("One field is invalid: see below.")
    expect(page.locator("#result")).to_have_count(0)
    expect(page.locator("[name=total_orders]")).to_have_value("15")


@pytest.mark.parametrize("orders", ["4.5", "-1"])
def test_what_the_browser_knows_to_be_wrong_is_not_sent(visit: Visits, orders: str):
    page = visit("search_voucher")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))

    look_up(page, total_orders=orders)

    expect(page.locator("[name=total_orders]:invalid")).to_be_focused()
    assert sent == []


def test_a_customer_of_no_segment_is_told_so(visit: Visits):
    page = visit("search_voucher", expected=[status(404)])

    look_up(page, last_order_ts="2018-09-14")

    expect(page.get_by_role("alert")).to_contain_text("days_since_last_order is 1 (on 2018-09-15), in no segment")
    expect(page.locator("[name=last_order_ts]")).to_have_value("2018-09-14")


def test_a_country_s_name_is_shown_as_it_is_and_never_as_markup(visit: Visits):
    page = visit("search_voucher", expected=[status(404)])
    page.locator("[name=country_code]").evaluate("list => list.options[0].value = '<b id=put>Peru</b>'")

    look_up(page, country_code="<b id=put>Peru</b>")

    expect(page.get_by_role("alert")).to_contain_text("<b id=put>Peru</b>")
    expect(page.locator("#put")).to_have_count(0)


def test_the_keyboard_is_enough(visit: Visits):
    page = visit("search_voucher")
    keys = page.keyboard
    order = []
    while "customer_id" not in order:
        keys.press("Tab")
        assert len(order) < 40, order
        if (name := focused(page)) not in order:
            order.append(name)
        match name:
            case "segment_name":
                keys.type("recency")
            case "total_orders":
                keys.type("15")
            case "last_order_ts" if not page.locator("[name=last_order_ts]").input_value():
                keys.type("05052018")  # whichever of day and month comes first

    expect(page.locator("[name=customer_id]")).to_be_focused()
    keys.type("123")
    keys.press("Enter")

    links = ["Look up", "Segments", "Report", "Runs", "API"]
    fields = ["country_code", "segment_name", "total_orders", "last_order_ts", "first_order_ts", "customer_id"]
    assert order == ["Skip to the content", "Voucher Selection", *links, *fields]
    expect(page.locator("#result")).to_contain_text("The last order, on 2018-05-05")


def test_the_navigation_can_be_skipped(visit: Visits):
    page = visit("search_voucher")

    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")

    expect(page.locator("[name=country_code]")).to_be_focused()
