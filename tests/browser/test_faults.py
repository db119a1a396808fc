"""What the tests of the pages rest on: faults in a page are found."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.accessibility import assert_accessible
from tests.browser.visits import Visits
from tests.product import Product


@pytest.fixture
def watched(profile: Callable[[bool], BrowserContext], served: Product) -> Visits:
    return Visits(profile, served.status_once["api_url"])


@pytest.fixture
def page(watched: Visits) -> Page:
    return watched("search_voucher")


PROVOKED = {
    "console: lost": "console.error('lost')",
    "a script failed: lost": "setTimeout(() => { throw new Error('lost') })",
    "console: Executing inline script violates": "document.body.append(Object.assign("
    "document.createElement('script'), {textContent: '1'}))",
    "console: Applying inline style violates": "document.body.setAttribute('style', 'color: red')",
    "a request left the API: https://localhost": "location.assign('/elsewhere')",
    "status of 404": "location.assign('nothing')",
}


@pytest.mark.parametrize("fault", PROVOKED)
def test_what_goes_wrong_in_a_page_fails_its_test(watched: Visits, page: Page, fault: str):
    page.evaluate(f"() => {{ {PROVOKED[fault]} }}")
    page.wait_for_timeout(300)

    with pytest.raises(AssertionError) as failed:
        watched.close()

    assert fault in str(failed.value)


def test_a_page_without_faults_does_not(watched: Visits, page: Page):
    watched.close()

    assert watched.faults == []


def test_a_fault_that_was_expected_has_to_come(watched: Visits):
    watched("search_voucher", expected=["lost"])

    with pytest.raises(AssertionError, match="expected .'lost'., got"):
        watched.close()


def test_what_shuts_people_out_is_told_with_its_rule_and_element(watched: Visits, page: Page):
    page.evaluate("() => { document.querySelector('label').remove() }")

    with pytest.raises(AssertionError, match=r"(?s)select-name: Select element must have an.*<select .*Fix any of"):
        assert_accessible(page)
    watched.close()
