"""The explorer of the API: Swagger UI in a page of ours."""

from playwright.sync_api import expect

from tests.browser.accessibility import assert_accessible_around
from tests.browser.visits import Visits
from tests.product import Product


def test_every_operation_is_there_to_explore(visit: Visits, served: Product):
    paths = served.request("GET", "openapi.json").json()["paths"]
    expected = {(method.upper(), path) for path, methods in paths.items() for method in methods}

    page = visit("docs")

    expect(page.locator(".opblock")).to_have_count(len(expected))
    shown = page.locator(".opblock-summary").evaluate_all(
        "all => all.map(one => [one.querySelector('.opblock-summary-method').innerText,"
        " one.querySelector('.opblock-summary-path').dataset.path])"
    )
    assert {(method, path) for method, path in shown} == expected
    # Swagger UI's own markup breaks rules of axe, which are not ours to mend.
    assert_accessible_around(page, "#explorer .swagger-ui")


def test_an_operation_is_tried(visit: Visits, served: Product):
    page = visit("docs")
    operation = page.locator(".opblock", has=page.locator("[data-path='/health']"))

    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()

    expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(operation.locator(".live-responses-table")).to_contain_text(served.served_version())


def test_without_javascript_the_document_is_pointed_to(visit: Visits):
    page = visit("docs", javascript=False)

    expect(page.get_by_role("link", name="openapi.json")).to_be_visible()
