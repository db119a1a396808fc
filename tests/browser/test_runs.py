"""Runs: started from the page, followed while they go, explained when they fail, and undone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.forms import assert_told_beside, send
from tests.browser.tables import rows_of
from tests.browser.visits import Visits, status
from tests.product import Product

with_and_without_javascript = pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
pytestmark = pytest.mark.usefixtures("served_again")

UPDATES = 60


def remodelling(page: Page) -> Locator:
    return page.locator("form", has=page.get_by_role("button", name="Make again"))


def from_history(page: Page) -> Locator:
    return page.locator("form", has=page.get_by_role("button", name="Run", exact=True))


def run_id_of(page: Page) -> str:
    expect(page.get_by_role("heading", level=1)).to_contain_text("Run run-")
    return page.url.rpartition("/")[2]


def test_a_run_is_followed_without_reloading(visit: Visits, served: Product):
    page = visit("runs")

    send(remodelling(page), cur_date="2018-08-01")
    run_id = run_id_of(page)
    page.evaluate("window.isTheSame = true")
    expect(page.get_by_role("status")).to_contain_text("running")
    expect(page.get_by_role("status")).to_contain_text("succeeded Published a model.", use_inner_text=True)

    assert page.evaluate("window.isTheSame")
    run = served.ended(run_id)
    assert served.served_version() == run["version"]
    expect(page.locator(".facts")).to_contain_text(run["version"])
    assert [row[:2] for row in rows_of(page.get_by_role("group", name="States"))] == [["Model", "succeeded"]]
    assert page.evaluate("!document.querySelector('[data-live]')")


def test_without_javascript_a_link_updates_the_page(visit: Visits, served: Product):
    page = visit("runs", javascript=False)

    send(remodelling(page), cur_date="2018-08-02")
    run_id_of(page)
    expect(page.get_by_role("status")).to_contain_text("running")
    for _ in range(UPDATES):
        page.get_by_role("link", name="Update").click()
        if "running" not in page.get_by_role("status").inner_text():
            break
        page.wait_for_timeout(200)

    expect(page.get_by_role("status")).to_have_text("succeeded Published a model.")
    assert served.request("GET", "health").json()["model"]["cur_date"] == "2018-08-02"


def test_a_run_that_fails_tells_its_state_its_error_and_its_cause(visit: Visits, served: Product):
    page = visit("runs")
    lost = f"s3://{served.status_once['bucket']}/uploads/lost.parquet"
    version = served.served_version()

    send(from_history(page), source=lost, countries="Peru, Latvia", mode="full")
    run_id = run_id_of(page)
    expect(page.get_by_role("status")).to_contain_text("failed")

    run = served.ended(run_id)
    told = page.get_by_role("alert")
    expect(told).to_contain_text("SourceNotFound")
    expect(told).to_contain_text(run["cause"])
    expect(told).to_contain_text(lost)
    assert [row[:2] for row in rows_of(page.get_by_role("group", name="States"))] == [["Ingest", "failed"]]
    assert run["request"] == {"source": lost, "countries": ["Peru", "Latvia"], "mode": "full"}
    assert served.served_version() == version


def test_a_history_is_added_to_what_is_counted(visit: Visits, served: Product, sample: Path):
    source = served.upload("again.parquet", sample.read_bytes())
    page = visit("runs")

    send(from_history(page), source=source, mode="append", overlap="add", cur_date="2018-09-15")

    expect(page.get_by_role("status")).to_contain_text("succeeded", timeout=30_000)
    assert served.ended(run_id_of(page))["mode"] == "append"


def test_runs_are_listed_the_last_one_first(visit: Visits, served: Product, runs: dict[str, str]):
    listed = served.request("GET", "executions").json()["runs"]

    page = visit("runs")

    rows = rows_of(page.get_by_role("group", name="Last runs"))
    assert [row[:2] for row in rows] == [[run["run_id"], run["status"].lower()] for run in listed]
    page.get_by_role("link", name=runs["failed"]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Run {runs['failed']}")


@with_and_without_javascript
def test_an_earlier_version_is_served_again(visit: Visits, served: Product, *, javascript: bool):
    before = served.served_version()
    later = served.execute(mode="remodel", cur_date="2018-08-03")["version"]
    page = visit("runs", javascript=javascript)
    states = {row[0]: row[1] for row in rows_of(page.get_by_role("group", name="Versions"))}
    assert (states[later], states[before]) == ("served", "Serve again")

    page.get_by_role("button", name=f"Serve version {before} again").click()
    run = served.ended(run_id_of(page))

    assert (run["mode"], run["outcome"]) == ("rollback", "published")
    assert served.served_version() == before
    page = visit("runs", javascript=javascript)
    states = {row[0]: row[1] for row in rows_of(page.get_by_role("group", name="Versions"))}
    assert (states[later], states[before]) == ("Serve again", "served")


@with_and_without_javascript
def test_what_a_run_cannot_do_is_told_beside_its_field(visit: Visits, served: Product, *, javascript: bool):
    page = visit("runs", javascript=javascript, expected=[status(422)])
    before = served.request("GET", "executions").json()["runs"][0]["run_id"]

    send(from_history(page), source="ftp://host/file.parquet", countries="Peru, Peru")

    form = from_history(page)
    assert_told_beside(form.locator("[name=source]"), "expected s3://bucket/key, s3://bucket/folder/ or https://")
    assert_told_beside(form.locator("[name=countries]"), "Peru")
    expect(form.locator("[name=source]")).to_have_value("ftp://host/file.parquet")
    assert served.request("GET", "executions").json()["runs"][0]["run_id"] == before


def test_a_run_needs_a_history(visit: Visits):
    page = visit("runs")

    send(from_history(page))

    expect(from_history(page).locator("[name=source]:invalid")).to_be_focused()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_site_starts_nothing(served: Product, site: str):
    before = served.request("GET", "executions").json()["runs"][0]["run_id"]

    refused = served.request("POST", "runs", data={"mode": "remodel"}, headers={"Sec-Fetch-Site": site})

    assert (refused.status_code, refused.json()["code"]) == (403, "cross_site")
    assert served.request("GET", "executions").json()["runs"][0]["run_id"] == before


def test_a_stage_that_starts_no_runs_offers_none(visit: Visits, starting_none: Product):
    page = visit("runs")

    expect(page.get_by_role("group", name="Last runs").first).to_be_visible()
    expect(page.locator("form")).to_have_count(0)
    refused = starting_none.request("POST", "runs", data={"mode": "remodel"})
    assert (refused.status_code, refused.json()["code"]) == (403, "runs_not_started")


@pytest.fixture
def starting_none(served: Product) -> Iterator[Product]:
    """The product with the API's setting as `start_runs=false` deploys it."""
    client = served.client("lambda")
    names = [function["FunctionName"] for function in client.list_functions()["Functions"]]
    (name,) = (name for name in names if "Api" in name)
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    configure(client, name, variables | {"START_RUNS": "false"})
    yield served
    configure(client, name, variables)


def configure(client: Any, name: str, variables: dict[str, str]) -> None:
    client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
