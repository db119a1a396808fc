"""What axe-core finds in a page."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def assert_accessible(page: Page) -> None:
    """Assert that a page breaks none of axe's rules, with its Content-Security-Policy in force.

    The page has to have been opened with JavaScript: without it, axe never ends.
    """
    found = Axe().run(page, options={"runOnly": list(STANDARDS)}).response
    assert "color-contrast" in {rule["id"] for kind in ("passes", "violations", "incomplete") for rule in found[kind]}
    assert not found["violations"], "\n".join(line for rule in found["violations"] for line in _told(rule))


def _told(rule: dict[str, Any]) -> list[str]:
    elements = [
        line
        for node in rule["nodes"]
        for line in (f"  {node['html']}", f"    {' '.join(node['failureSummary'].split())}")
    ]
    return [f"{rule['id']}: {rule['help']}", *elements]
