"""The pictures of the pages in docs/screenshots: which scenes, and how much of each."""

from typing import Literal, NamedTuple

from playwright.sync_api import Page

from tests.browser.visits import HEIGHTS
from tests.product import ROOT

type ColorScheme = Literal["light", "dark"]


class Picture(NamedTuple):
    """A file's name, the size of the window, and the element at its top."""

    name: str
    width: int
    height: int
    top: str = "body"


# By scene, width of the window that it is tested in, and color scheme.
PICTURES: dict[tuple[str, int, ColorScheme], Picture] = {
    ("answer", 1280, "light"): Picture("lookup", 1024, 660),
    ("answer", 390, "light"): Picture("lookup-phone", 390, 844, "#result"),
    ("segments", 1280, "light"): Picture("segments", 1024, 700),
    ("report", 1280, "light"): Picture("report", 1024, 800, "section[aria-labelledby=rows]"),
    ("report", 1280, "dark"): Picture("report-dark", 1024, 560, "section[aria-labelledby=amounts-1]"),
    ("what-if", 1280, "light"): Picture("what-if", 1024, 740, "#what-if"),
    ("quality", 1280, "light"): Picture("quality", 1024, 1380, "section[aria-labelledby=worth]"),
    ("quality", 1280, "dark"): Picture("quality-dark", 1024, 900, "section[aria-labelledby=over-time]"),
    ("best ranges", 1280, "light"): Picture("best-ranges", 1024, 800, "#best-ranges"),
    ("runs", 1280, "light"): Picture("runs", 1024, 740),
    ("failed-run", 1280, "light"): Picture("failed-run", 1024, 700),
}


def take(page: Page, picture: Picture) -> None:
    """Write a picture, and leave the window as it was."""
    width = page.evaluate("innerWidth")
    page.set_viewport_size({"width": picture.width, "height": picture.height})
    page.locator(picture.top).evaluate("top => scrollTo(0, top.getBoundingClientRect().top + scrollY - 16)")
    path = ROOT / f"docs/screenshots/{picture.name}.png"
    page.screenshot(path=path, animations="disabled", caret="hide")
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
