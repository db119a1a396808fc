"""What holds for every web page: it fits its window, everybody can use it, and nothing runs in it but its own."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.accessibility import assert_accessible, assert_readable
from tests.browser.pictures import ColorScheme
from tests.browser.scenes import SCENES, show
from tests.browser.visits import HEIGHTS, WIDTHS, Visits

# A page, one in a folder, and that of an error.
PAGES = ("look-up", "run", "unknown-run")
INLINE_SCRIPT = """() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.head.append(script);
    return window.ran === true;
}"""

in_every_scene = pytest.mark.parametrize("scene", SCENES)
on_every_page = pytest.mark.parametrize("scene", PAGES)


def assert_fits(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@in_every_scene
def test_everybody_can_use_a_page_on_every_screen_in_light_and_dark(
    visit: Visits, runs: dict[str, str], picture: Callable[[Page, str, int, ColorScheme], None], scene: str
):
    page = show(visit, scene, runs)

    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        assert_fits(page, width)
        page.emulate_media(color_scheme="light")
        assert_accessible(page)
        picture(page, scene, width, "light")
        page.emulate_media(color_scheme="dark")
        assert_readable(page)
        picture(page, scene, width, "dark")


@in_every_scene
def test_a_page_does_without_javascript(visit: Visits, runs: dict[str, str], scene: str):
    page = show(visit, scene, runs, javascript=False)

    heading = SCENES[scene].heading.format_map(runs)
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    assert page.title() == f"{heading} · Voucher Selection"
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        assert_fits(page, width)


@on_every_page
def test_every_page_leads_to_the_others(visit: Visits, runs: dict[str, str], scene: str):
    page = show(visit, scene, runs)

    links = page.get_by_role("navigation").get_by_role("link")
    addresses = links.evaluate_all("links => links.map(link => link.href)")

    assert addresses == [f"{visit.api_url}{name}" for name in ("search_voucher", "segments", "report", "runs", "docs")]


@on_every_page
def test_a_page_is_dark_where_the_system_is(visit: Visits, runs: dict[str, str], scene: str):
    page = show(visit, scene, runs)
    lightness = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).reduce((sum, part) => sum + +part, 0)"

    light = page.evaluate(lightness)
    page.emulate_media(color_scheme="dark")

    assert light > 3 * 230
    assert page.evaluate(lightness) < 3 * 40


@on_every_page
def test_no_script_runs_that_was_put_into_a_page(visit: Visits, runs: dict[str, str], scene: str):
    page = show(visit, scene, runs)
    visit.expected.append("Executing inline script violates the following Content Security Policy")

    assert page.evaluate(INLINE_SCRIPT) is False
