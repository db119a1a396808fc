"""What a request's `Accept` asks for: JSON, or a page."""

import pytest

from voucher_selection.api.negotiation import prefers_html

PAGES = {
    "a browser": "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    "html alone": "text/html",
    "html in capitals": "TEXT/HTML",
    "any text": "text/*",
    "html more than json": "application/json;q=0.8, text/html",
    "html more than json, with blanks": "text/html ; q=0.5 , application/json ; q = 0.4",
    "html named, json not": "*/*, text/html",
    "anything but json": "application/json;q=0, application/problem+json;q=0, */*",
}
JSON = {
    "nothing": "",
    "anything": "*/*",
    "json": "application/json",
    "problems": "application/problem+json",
    "json as much as html": "text/html, application/json",
    "json more than html": "text/html;q=0.9, application/json",
    "a refusal of html": "text/html;q=0, */*;q=0.1",
    "neither": "image/png",
    "a quality that is none": "text/html;q=much, application/json;q=0.1",
    "all of an application": "application/*, text/html;q=0.9",
}


@pytest.mark.parametrize("case", PAGES)
def test_who_prefers_html_gets_a_page(case: str):
    assert prefers_html(PAGES[case])


@pytest.mark.parametrize("case", JSON)
def test_everybody_else_gets_json(case: str):
    assert not prefers_html(JSON[case])
