"""What people see: each page, and what it shows after a form was sent, right or wrong."""

from collections.abc import Callable
from typing import NamedTuple

from playwright.sync_api import Page, expect

from tests.browser.forms import look_up
from tests.browser.visits import Visits, status


class Scene(NamedTuple):
    """A page after something was done on it.

    Attributes
    ----------
    path
        The page's, below the API; `{succeeded}` and `{failed}` are runs.
    heading
        Its first heading.
    seen
        A part of the page that is only there if the scene is.
    act
        What is done on it.
    fault
        The HTTP status that the browser reports as an error.
    """

    path: str
    heading: str
    seen: str
    act: Callable[[Page], None] | None = None
    fault: int | None = None


SCENES = {
    "look-up": Scene("search_voucher", "Look up a voucher", "form"),
    "answer": Scene("search_voucher", "Look up a voucher", "#result", look_up),
    "no-answer": Scene(
        "search_voucher",
        "Look up a voucher",
        ".notice >> text=in no segment",
        lambda page: look_up(page, last_order_ts="2018-09-14"),
        404,
    ),
    "errors": Scene(
        "search_voucher",
        "Look up a voucher",
        "#last_order_ts_error",
        lambda page: look_up(page, last_order_ts=""),
        422,
    ),
    "segments": Scene("segments", "Segments", "svg.bars >> nth=0"),
    "report": Scene("report", "Report", "table.heat >> nth=0"),
    "what-if": Scene("report?what_if=1&cur_date=2018-08-01&ranges_0=1-4,5-9,10%2B", "Report", "#what-if-result"),
    "what-if-errors": Scene(
        "report?what_if=1&cur_date=yesterday&ranges_0=1-4,4-9", "Report", "#ranges_0_error", fault=422
    ),
    "best-ranges": Scene("report?best_ranges=1&most_ranges=3&least_support=500", "Report", "#best-ranges-result"),
    "best-ranges-errors": Scene(
        "report?best_ranges=1&measure=mood&most_ranges=11", "Report", "#most_ranges_error", fault=422
    ),
    "runs": Scene("runs", "Runs", "#versions"),
    "run": Scene("runs/{succeeded}", "Run {succeeded}", "#rows"),
    "failed-run": Scene("runs/{failed}", "Run {failed}", ".notice >> text=SourceNotFound"),
    "unknown-run": Scene("runs/run-0", "Not Found", ".notice >> text=run 'run-0' does not exist", fault=404),
}


def show(visit: Visits, name: str, runs: dict[str, str], *, javascript: bool = True) -> Page:
    """Open a scene, in light."""
    scene = SCENES[name]
    expected = [status(scene.fault)] if scene.fault else []
    page = visit(scene.path.format_map(runs), javascript=javascript, expected=expected)
    if scene.act:
        scene.act(page)
    expect(page.locator(scene.seen)).to_be_visible()
    return page
