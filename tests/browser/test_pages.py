"""What holds for every web page: it fits its window, everybody can use it, and nothing runs in it but its own."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.visits import WIDTHS, Visits, status
from tests.product import Product

# A page's path below the API, in which {run_id} is a run's, and its heading.
PAGES = {
    "search_voucher": "Look up a voucher",
    "selection_criteria": "Segments",
}
INLINE_SCRIPT = """() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.head.append(script);
    return window.ran === true;
}"""

every_page = pytest.mark.parametrize("path", PAGES)
in_every_window = pytest.mark.parametrize("width", WIDTHS)
dark_and_light = pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
with_and_without_javascript = pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])


@pytest.fixture
def address(path: str, served: Product) -> str:
    return path.format(run_id=served.status_once["last_run"]["id"])


@every_page
@with_and_without_javascript
def test_a_page_shows_its_heading_with_and_without_javascript(
    visit: Visits, path: str, address: str, *, javascript: bool
):
    page = visit(address, javascript=javascript)

    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[path])
    assert PAGES[path] in page.title()


@every_page
@in_every_window
@with_and_without_javascript
def test_a_page_is_no_wider_than_its_window(visit: Visits, address: str, width: int, *, javascript: bool):
    page = visit(address, width=width, javascript=javascript)

    assert page.evaluate("document.documentElement.scrollWidth") <= width


@every_page
@in_every_window
@dark_and_light
def test_everybody_can_use_a_page(
    visit: Visits, screenshot: Callable[[Page, str], None], path: str, address: str, width: int, *, dark: bool
):
    page = visit(address, width=width, dark=dark)
    name = path.replace("/{run_id}", "_run").replace("/", "_")
    screenshot(page, f"{name}-{width}-{'dark' if dark else 'light'}")

    assert_accessible(page)


@every_page
def test_a_page_is_dark_where_the_system_is(visit: Visits, address: str):
    seen = "getComputedStyle(document.body).color"

    assert visit(address).evaluate(seen) != visit(address, dark=True).evaluate(seen)


@every_page
def test_no_script_runs_that_was_put_into_a_page(visit: Visits, address: str):
    page = visit(address, expected=["Executing inline script violates the following Content Security Policy"])

    assert page.evaluate(INLINE_SCRIPT) is False


@dark_and_light
def test_everybody_can_use_the_page_of_an_error(visit: Visits, *, dark: bool):
    page = visit("nothing", dark=dark, expected=[status(404)])

    expect(page.locator("main")).to_contain_text("there is no GET /nothing")
    assert_accessible(page)
