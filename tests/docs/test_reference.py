"""What the documentation says of the code is what the code says."""

import re

import pytest

from local.reference.pages import FOLDER, PAGES
from tests.docs.pages import ROOT
from voucher_selection.rejections import Rule


@pytest.mark.parametrize("page", PAGES)
def test_a_page_made_from_the_code_is_current(page: str):
    assert (FOLDER / page).read_text() == PAGES[page](), f"docs/reference/{page}: run ./quickstart docs --generate"


def test_the_reference_has_no_other_pages():
    assert {file.name for file in FOLDER.iterdir()} == PAGES.keys()


def test_the_page_of_the_pipeline_tells_every_rule_in_the_order_they_are_tried():
    told = (ROOT / "docs/pipeline.md").read_text().partition("## Cleaning")[2].partition("## ")[0]

    assert re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE) == list(Rule)
