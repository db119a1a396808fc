"""A file on the page of runs: chosen or dropped, uploaded past the API, counted, and refused in words."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.accessibility import assert_accessible, assert_readable
from tests.browser.dropped_files import SENT, drop, from_file, run_of
from tests.browser.forms import assert_told_beside, send
from tests.browser.visits import Visits, status
from tests.histories import history, parquet_bytes, repeated
from tests.lookup_requests import SEED_REQUEST
from tests.product import Product
from tests.sql_customers import row_of
from tests.text_files import csv_text

pytestmark = pytest.mark.usefixtures("served_again")

SIGNED = "**/uploads/sha256-*/**"


def field_of(page: Page) -> Locator:
    return from_file(page).locator("[type=file]")


def run_ids(product: Product) -> list[str]:
    return [run["run_id"] for run in product.request("GET", "executions").json()["runs"]]


def test_a_semicolon_csv_that_is_dropped_is_reported_as_the_parquet_was_and_answers_in_duckdb(
    visit: Visits, served: Product, sample: Path
):
    counts = served.request("GET", "model").json()["rows"]  # of the sample, as parquet
    page = visit("runs", expected=[SENT])

    drop(page, sample_csv=csv_text(pq.read_table(sample).to_pylist(), delimiter=";").encode())
    expect(from_file(page).get_by_role("status")).to_contain_text("sample.csv, 1.")
    expect(field_of(page)).to_be_focused()
    send(from_file(page), mode="full")

    run = run_of(page, served)
    assert (run["status"], run["rows"]) == ("SUCCEEDED", counts)
    report = visit("report")
    expect(report.get_by_role("group", name="Rows")).to_contain_text("20,000 rows read")
    expect(report.get_by_role("group", name="Rows")).to_contain_text(f"{counts['kept']:,}")
    with report.expect_download() as download:
        report.get_by_role("link", name="duckdb").click()
    answer = served.lookup(**SEED_REQUEST).json()
    assert row_of(download.value.path().read_text(encoding="utf-8"), **SEED_REQUEST) == {
        name: said for name, said in answer.items() if name != "model"
    }


def test_a_file_is_chosen_and_run_with_the_keyboard(visit: Visits, served: Product, sample: Path):
    page = visit("runs", expected=[SENT])
    field_of(page).focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files(sample)
    expect(from_file(page).get_by_role("status")).to_have_text(f"{sample.name}, {sample.stat().st_size / 1000:,.1f} kB")

    button = from_file(page).locator("[type=submit]")
    for _ in range(12):  # past the choices; a date has several stops
        page.keyboard.press("Tab")
        if button.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")

    run = run_of(page, served)
    assert (run["status"], run["rows"]["rows_read"]) == ("SUCCEEDED", 20_000)
    assert run["request"]["source"].endswith(f"/{sample.name}")


def test_how_far_the_upload_is_can_be_seen(visit: Visits, tmp_path: Path):
    file = tmp_path / "large.parquet"
    file.write_bytes(b"no parquet" * 2_000_000)
    page = visit("runs", expected=[SENT])
    held: list[Route] = []
    page.route(SIGNED, lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks a handler, and no builtin
    form, progress = from_file(page), page.get_by_role("progressbar", name="Upload")
    expect(progress).to_be_hidden()
    field_of(page).set_input_files(file)

    with page.expect_request(SIGNED):
        form.locator("[type=submit]").click()

    expect(form.get_by_role("status")).to_have_text("Reading the file: 100 %")
    expect(progress).to_be_visible()
    assert progress.evaluate("progress => [progress.max, progress.value]") == [20_000_000, 20_000_000]
    expect(form.locator("[type=submit]")).to_be_disabled()
    held[0].continue_()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Run run-")


def test_what_was_uploaded_is_kept_if_another_field_is_wrong(visit: Visits, served: Product):
    page = visit("runs", expected=[SENT, status(422)])
    drop(page, kept_parquet=parquet_bytes(history(*repeated(7, voucher_amount=2640.0))))

    send(from_file(page), countries="Peru, Peru", mode="append")
    assert_told_beside(from_file(page).locator("[name=countries]"), "Peru")
    expect(from_file(page).get_by_text("Uploaded: s3://")).to_contain_text("/kept.parquet")
    send(from_file(page), countries="Peru", overlap="add")

    run = run_of(page, served)
    assert (run["status"], run["mode"], run["rows"]["kept"]) == ("SUCCEEDED", "append", 7)


def refused_by_s3(page: Page) -> None:
    said = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    page.route(SIGNED, lambda route: route.fulfill(status=403, body=said))
    drop(page, x_csv=b"refused")
    from_file(page).locator("[type=submit]").click()


def broken_off(page: Page) -> None:
    page.route(SIGNED, lambda route: route.abort())
    drop(page, x_csv=b"broken off")
    from_file(page).locator("[type=submit]").click()


def refused_by_the_api(page: Page) -> None:
    field_of(page).set_input_files({"name": "x.csv\t", "mimeType": "", "buffer": b"x"})
    from_file(page).locator("[type=submit]").click()


def without_the_api(page: Page) -> None:
    page.route("**/local/uploads", lambda route: route.abort())
    drop(page, x_csv=b"x")
    from_file(page).locator("[type=submit]").click()


@pytest.mark.parametrize(
    ("go_wrong", "why", "faults"),
    [
        (refused_by_s3, "S3 refused the file (403): Request has expired", [SENT, status(403)]),
        (broken_off, "The upload broke off: try again.", [SENT, "failed: net::ERR_FAILED", "net::ERR_FAILED"]),
        (refused_by_the_api, "without control characters", [status(422)]),
        (without_the_api, "The API cannot be reached: try again.", ["failed: net::ERR_FAILED", "net::ERR_FAILED"]),
    ],
    ids=["refused by S3", "broken off", "refused by the API", "without the API"],
)
def test_what_goes_wrong_is_told_beside_the_field(
    visit: Visits, served: Product, go_wrong: Callable[[Page], None], why: str, faults: list[str]
):
    before = run_ids(served)
    page = visit("runs", expected=faults)

    go_wrong(page)

    assert_told_beside(field_of(page), why)
    expect(field_of(page)).to_be_focused()
    expect(from_file(page).locator("[type=submit]")).to_be_enabled()
    expect(page.get_by_role("progressbar", name="Upload")).to_be_hidden()
    assert run_ids(served) == before


def test_a_file_that_cannot_be_taken_is_told_beside_the_field_at_once(visit: Visits):
    page = visit("runs", width=390)
    from_file(page).evaluate("form => { form.dataset.mostBytes = 2_000_000; }")

    drop(page, x_csv=b"x", y_csv=b"y")
    assert_told_beside(field_of(page), "expected one file, got 2")
    field_of(page).set_input_files({"name": "x.csv", "mimeType": "", "buffer": bytes(2_100_000)})
    assert_told_beside(field_of(page), "expected at most 2 MB, got 2.1 MB: put the file into the bucket")
    drop(page, x_csv=b"")
    assert_told_beside(field_of(page), "x.csv is empty: choose a file with rows")
    from_file(page).locator("[type=submit]").click()
    expect(field_of(page)).to_be_focused()

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert_accessible(page)
    page.emulate_media(color_scheme="dark")
    assert_readable(page)


def test_a_run_that_goes_on_does_not_take_a_chosen_file_away(visit: Visits, served: Product):
    started = served.request("POST", "executions", json={"mode": "remodel", "cur_date": "2018-08-05"}).json()
    page = visit("runs")
    drop(page, x_csv=b"x")
    field_of(page).blur()

    served.ended(started["run_id"])
    page.wait_for_timeout(2_000)  # longer than the page waits before it updates itself

    assert field_of(page).evaluate("input => input.files[0]?.name") == "x.csv"


def test_without_javascript_the_page_says_how_else(visit: Visits, served: Product):
    page = visit("runs", javascript=False)

    told = page.locator("noscript p", has_text="./quickstart run --source FILE")
    expect(told).to_be_visible()
    expect(told).to_contain_text(f"s3://{served.status_once['bucket']}/uploads/")
    expect(from_file(page)).to_be_hidden()
