"""Links of README and docs lead somewhere, also out of the site, whose build checks only what is in it."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, name_of, prose_of

_LINK = re.compile(r"\]\((?!https?://)([^()\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub and the site give a page's headings."""
    headings = [re.sub(r"[`*]|\]\(.*?\)|\[", "", heading) for heading in _HEADING.findall(page.read_text())]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def loose_ends(page: Path, text: str) -> list[str]:
    """The links of a page's text that lead to no file, or to no heading of a page."""
    loose = []
    for link in _LINK.findall(text):
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            loose.append(link)
    return loose


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading_that_there_is(page: Path):
    assert loose_ends(page, prose_of(page)) == []


def test_the_check_sees_a_file_and_a_heading_that_are_not_there():
    text = "[a](docs/none.md) [b](docs/pipeline.md#none) [c](docs/pipeline.md#the-states) [d](LICENSE.none)"

    assert loose_ends(ROOT / "README.md", text) == ["docs/none.md", "docs/pipeline.md#none", "LICENSE.none"]
