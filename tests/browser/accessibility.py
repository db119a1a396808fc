"""What axe-core finds in a page."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
KINDS = ("passes", "violations", "incomplete")


def assert_accessible(page: Page) -> None:
    """Assert that a page breaks none of axe's rules, with its Content-Security-Policy in force.

    The page has to have been opened with JavaScript: without it, axe never ends.
    """
    _assert_none(page, {"runOnly": list(STANDARDS)}, "color-contrast")


def assert_readable(page: Page) -> None:
    """Assert the same of the one rule that depends on colors."""
    _assert_none(page, {"runOnly": ["color-contrast"]}, "color-contrast")


def assert_accessible_around(page: Page, selector: str) -> None:
    """Assert the same of all rules, and of all that is not within the element that a selector names."""
    _assert_none(page, {"runOnly": list(STANDARDS)}, "document-title", {"exclude": [[selector]]})


def _assert_none(page: Page, options: dict[str, Any], needed: str, context: dict[str, Any] | None = None) -> None:
    """Assert that there are no violations, and that axe had something to look at: the rule `needed` was applied."""
    # Of what is as it should be, one element is enough.
    found = Axe().run(page, context, options | {"resultTypes": ["violations"]}).response
    assert needed in {rule["id"] for kind in KINDS for rule in found[kind]}
    assert not found["violations"], "\n".join(line for rule in found["violations"] for line in _told(rule))


def _told(rule: dict[str, Any]) -> list[str]:
    elements = [
        line
        for node in rule["nodes"]
        for line in (f"  {node['html']}", f"    {' '.join(node['failureSummary'].split())}")
    ]
    return [f"{rule['id']}: {rule['help']}", *elements]
