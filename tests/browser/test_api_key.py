"""The pages of a stage that asks for an API key: they show nothing without it, and everything with it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.accessibility import assert_accessible, assert_readable
from tests.browser.dropped_files import SENT, drop, from_file, run_of
from tests.browser.forms import SEED_FIELDS, assert_told_beside, look_up, send
from tests.browser.tables import NOTHING, rows_of
from tests.browser.visits import WIDTHS, Visits, new_profile, status
from tests.histories import history, parquet_bytes, repeated
from tests.product import Product

PAGES = ("search_voucher", "segments", "report", "runs", "runs/run-0")
DATA = (
    *(f"views/{page}" for page in PAGES),
    *("selection_criteria", "model", "versions", "executions", "model.json", "segments.csv", "report.csv?table=worth"),
)
HTML = {"Accept": "text/html"}


@pytest.fixture
def visit(profile: Callable[[bool], BrowserContext], keyed_product: Product) -> Iterator[Visits]:
    """Opens pages of the stage with a key."""
    visits = Visits(profile, keyed_product.status_once["api_url"])
    yield visits
    visits.close()


def give_key(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Use this key").click()


@pytest.fixture
def unlocked(visit: Visits, keyed_product: Product) -> Page:
    """The look-up page, after its key was given."""
    page = visit("search_voucher")
    give_key(page, keyed_product.key["x-api-key"])
    expect(page.get_by_label("Country")).to_be_visible()
    return page


@pytest.mark.parametrize("path", PAGES)
def test_a_page_without_the_key_holds_no_data(keyed_product: Product, path: str):
    shell = keyed_product.request("GET", path, headers=HTML)

    assert (shell.status_code, shell.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "only with an API key" in shell.text
    for datum in ("2640", "Peru", "121-180", "2018-09-15", keyed_product.served_version()):
        assert datum not in shell.text


@pytest.mark.parametrize("path", DATA)
def test_data_without_the_key_is_refused(keyed_product: Product, path: str):
    refused = keyed_product.request("GET", path, headers=HTML)
    guessed = keyed_product.request("GET", path, headers=HTML | {"x-api-key": "a" * 40})

    assert (refused.status_code, guessed.status_code) == (403, 403)
    for datum in ("2640", "Peru", keyed_product.served_version()):
        assert datum not in refused.text + guessed.text


@pytest.mark.parametrize("path", ["search_voucher", "runs", "views/search_voucher", "views/runs"])
def test_a_form_without_the_key_is_refused(keyed_product: Product, path: str):
    refused = keyed_product.request("POST", path, data=SEED_FIELDS)

    assert refused.status_code == 403
    assert "2640" not in refused.text


@pytest.mark.parametrize("width", WIDTHS)
def test_everybody_can_use_the_page_that_asks_for_the_key(visit: Visits, width: int):
    page = visit("report", width=width)

    expect(page.get_by_label("API key")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert_accessible(page)
    page.emulate_media(color_scheme="dark")
    assert_readable(page)


def test_without_javascript_it_says_what_is_needed(visit: Visits):
    page = visit("report", javascript=False)

    told = page.locator("noscript p")
    expect(told).to_have_text("This page needs JavaScript to send the key with its requests.")
    expect(told).to_be_visible()
    expect(page.get_by_label("API key")).to_be_hidden()


def test_a_wrong_key_is_told_and_another_can_be_given(visit: Visits, keyed_product: Product):
    page = visit("segments", expected=[status(403)])
    expect(page.get_by_role("status")).to_have_text("This stage shows its data only with an API key.")

    give_key(page, "a" * 40)
    expect(page.get_by_role("status")).to_have_text("The key was not accepted.")
    give_key(page, keyed_product.key["x-api-key"])

    rows = {
        row[0].partition("\n")[0]: row[1:4] for row in rows_of(page.get_by_role("group", name="Peru, recency_segment"))
    }
    assert rows["121-180"] == ["2640", "3", "100.0 %"]


def test_the_key_holds_for_the_tab_and_for_nothing_else(unlocked: Page, chromium: Browser, keyed_product: Product):
    for name in ("Segments", "Report", "Runs"):
        unlocked.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(unlocked.get_by_role("heading", level=1)).to_have_text(name)
        expect(unlocked.locator("main section, main table").first).to_be_visible()
    unlocked.reload()
    expect(unlocked.get_by_role("group", name="Last runs")).to_be_visible()

    other_tab = unlocked.context.new_page()
    other_tab.goto(unlocked.url)
    expect(other_tab.get_by_label("API key")).to_be_visible()
    other_tab.close()

    stored = unlocked.evaluate("[Object.values(sessionStorage), {...localStorage}, document.cookie]")
    assert stored == [[keyed_product.key["x-api-key"]], {}, ""]
    profile = new_profile(chromium)
    page = profile.new_page()
    page.goto(unlocked.url)
    expect(page.get_by_label("API key")).to_be_visible()
    profile.close()


def test_the_key_is_in_no_address(unlocked: Page, keyed_product: Product):
    asked: list[str] = []
    unlocked.on("request", lambda request: asked.append(request.url))

    look_up(unlocked)
    expect(unlocked.locator("#result")).to_be_visible()
    unlocked.get_by_role("link", name="Report").click()
    expect(unlocked.get_by_role("heading", name="The model")).to_be_visible()

    assert len(asked) == 3
    assert not [address for address in asked if keyed_product.key["x-api-key"] in address]


def test_a_customer_is_looked_up(unlocked: Page, visit: Visits):
    look_up(unlocked)

    expect(unlocked.locator("#result").get_by_role("status")).to_contain_text("2640 is the amount used most in segment")
    expect(unlocked.get_by_label("curl command")).to_contain_text("-H 'x-api-key: …'")
    visit.expected.append(status(422))
    look_up(unlocked, last_order_ts="")
    assert_told_beside(unlocked.locator("[name=last_order_ts]"), "recency_segment")
    expect(unlocked.locator("[name=last_order_ts]")).to_be_focused()


def test_a_what_if_is_asked(unlocked: Page):
    unlocked.get_by_role("link", name="Report").click()
    form = unlocked.locator("form", has=unlocked.get_by_role("button", name="Show what would change"))

    send(form, cur_date="2018-08-01")

    expect(unlocked.locator("#what-if-result h3")).to_have_text("With CUR_DATE 2018-08-01")
    changed = [row[:5] for row in rows_of(unlocked.get_by_role("group", name="Segments of the what-if")) if row[-1]]
    assert [row for row in changed if row[1] == "recency_segment"] == [
        ["Peru", "recency_segment", "61-90", NOTHING, "2640"],
        ["Peru", "recency_segment", "121-180", "2640", NOTHING],
    ]


def test_best_ranges_are_asked_and_tried(unlocked: Page, visit: Visits):
    unlocked.get_by_role("link", name="Report").click()
    button = unlocked.get_by_role("button", name="Find the best ranges")
    form = unlocked.locator("form", has=button)

    send(form, most_ranges="1", least_support="1")
    expect(unlocked.get_by_role("group", name="Best ranges", exact=True).locator("tbody tr")).to_have_count(1)
    unlocked.get_by_role("link", name="Try as a what-if").click()

    expect(unlocked.locator("#what-if-result")).to_be_visible()
    ranges = unlocked.get_by_label("Segments of frequent_segment").input_value()
    assert ranges.endswith("+")
    assert "," not in ranges
    visit.expected.append(status(422))
    send(form, most_ranges="none")
    assert_told_beside(unlocked.locator("[name=most_ranges]"), "got 'none'")


def test_a_run_is_started_and_followed(unlocked: Page, keyed_product: Product):
    unlocked.get_by_role("link", name="Runs").click()

    send(unlocked.locator("form", has=unlocked.get_by_role("button", name="Make again")), cur_date="2018-09-15")

    expect(unlocked.get_by_role("heading", level=1)).to_contain_text("Run run-")
    expect(unlocked.get_by_role("status")).to_have_text("succeeded Published a model.")
    run_id = unlocked.url.rpartition("/")[2]
    assert keyed_product.ended(run_id)["mode"] == "remodel"
    # A page below a folder: its links have to hold as well.
    unlocked.get_by_role("navigation").get_by_role("link", name="Report").click()
    expect(unlocked.locator("main").get_by_role("link", name=run_id)).to_be_visible()


def test_a_file_is_uploaded_and_run_with_the_key(unlocked: Page, visit: Visits, keyed_product: Product):
    visit.expected.append(SENT)
    unlocked.get_by_role("link", name="Runs").click()
    expect(from_file(unlocked)).to_be_visible()
    drop(unlocked, keyed_parquet=parquet_bytes(history(*repeated(3, voucher_amount=2640.0))))

    from_file(unlocked).locator("[type=submit]").click()

    run = run_of(unlocked, keyed_product)
    assert (run["status"], run["rows"]["kept"]) == ("SUCCEEDED", 3)


def test_an_api_that_cannot_be_reached_is_told(unlocked: Page, visit: Visits):
    visit.expected += ["search_voucher failed: net::ERR_FAILED", "Failed to load resource: net::ERR_FAILED"]
    unlocked.route("**", lambda request: request.abort())

    look_up(unlocked)
    expect(unlocked.get_by_role("alert")).to_have_text("The API cannot be reached: try again.")
    unlocked.unroute("**")
    look_up(unlocked)

    expect(unlocked.locator("#result")).to_be_visible()


def test_another_site_s_page_starts_nothing_even_with_the_key(keyed_product: Product):
    headers = keyed_product.key | {"Sec-Fetch-Site": "cross-site"}

    refused = [
        keyed_product.request("POST", path, data={"mode": "remodel"}, headers=headers)
        for path in ("runs", "views/runs")
    ]

    assert [answer.status_code for answer in refused] == [403, 403]
    assert {answer.json()["code"] for answer in refused} == {"cross_site"}


@pytest.mark.parametrize("name", ["segments.csv", "model.json"])
def test_a_file_is_fetched_with_the_key(unlocked: Page, keyed_product: Product, name: str):
    unlocked.get_by_role("link", name="Report").click()

    with unlocked.expect_download() as found:
        unlocked.get_by_role("link", name=name, exact=True).click()

    served = keyed_product.request("GET", name, headers=keyed_product.key)
    named = {"segments.csv": f"segments-{keyed_product.served_version()}.csv"}.get(name, name)
    assert (found.value.suggested_filename, Path(found.value.path()).read_bytes()) == (named, served.content)
