"""The report: what the served model was made from, what it says, and what something else would change."""

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.forms import assert_told_beside, send
from tests.browser.tables import NOTHING, amount, number, percent, rows_of
from tests.browser.visits import Visits, status
from tests.product import Product
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.contract.rule_names import Rule

with_and_without_javascript = pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])

# How the page says what became of rows, by the names of `run.json`.
FATES = {rule.value: rule.label for rule in Rule}


def summary_of(product: Product, run_id: str) -> dict[str, Any]:
    """The `run.json` of a run."""
    key = RunKeys(run_id).summary
    stored = product.client("s3").get_object(Bucket=product.status_once["bucket"], Key=key)
    return json.loads(stored["Body"].read())


def form_of(page: Page) -> Locator:
    return page.locator("form", has=page.get_by_role("button", name="Show what would change"))


def marked(page: Page) -> set[tuple[str, ...]]:
    """The changes that the page marks: country, segmentation, segment, served amount, and the amount there would be."""
    rows = rows_of(page.get_by_role("group", name="Segments of the what-if"))
    return {tuple(row[:5]) for row in rows if row[-1]}


def changes_of(answer: dict[str, Any]) -> set[tuple[str, ...]]:
    """The changes that the API answers, as the page writes them."""
    return {
        (
            *(change[name] for name in ("country_code", "segment_name", "segment")),
            *(amount(change[name]) for name in ("served_amount", "amount")),
        )
        for change in answer["changes"]
    }


def test_the_model_is_told(visit: Visits, served: Product):
    page = visit("report")
    model = served.request("GET", "model").json()

    facts = page.locator("dl.facts div").evaluate_all("facts => facts.map(fact => fact.innerText.split('\\n'))")

    told = dict(facts)
    assert (told["Version"], told["CUR_DATE"]) == (model["version"], "2018-09-15")
    assert (told["Countries"], told["Made by run"]) == ("Peru", model["run_id"])
    page.get_by_role("link", name=model["run_id"]).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Run {model['run_id']}")


def test_rows_are_told_by_the_rule_they_break(visit: Visits, served: Product):
    page = visit("report")
    totals = summary_of(served, served.request("GET", "model").json()["counts_run_id"])["rows"]

    table = page.get_by_role("group", name="Rows")

    expect(table.locator("caption")).to_have_text(f"{number(totals['rows_read'])} rows read")
    counts = {"kept": totals["kept"], "of other countries": totals["other_country"]} | {
        FATES[rule]: count for rule, count in totals["rejected"].items()
    }
    assert {row[0]: row[1] for row in rows_of(table)} == {name: number(count) for name, count in counts.items()}
    assert {row[0]: row[2] for row in rows_of(table)}["kept"] == percent(totals["kept"] / totals["rows_read"])
    assert sum(counts.values()) == totals["rows_read"]


@pytest.mark.parametrize("segmentation", ["frequent_segment", "recency_segment"])
def test_a_cell_of_the_heat_map_is_the_amount_s_share_of_its_segment(visit: Visits, served: Product, segmentation: str):
    page = visit("report")
    segments = served.request("GET", "selection_criteria").json()["segments"]
    expected = [segment for segment in segments if segment["segment_name"] == segmentation]

    table = page.get_by_role("group", name=f"Peru, {segmentation}", exact=True)
    _, *amounts, _, _ = table.locator("thead th").all_inner_texts()

    assert amounts == ["2640", "3520", "4400"]
    assert [row[:-1] for row in rows_of(table)] == [
        [segment["segment"], *cells(segment, amounts), number(segment["support"])] for segment in expected
    ]
    # The frame is around the amount that is served.
    framed = table.locator("tbody tr").evaluate_all("rows => rows.map(row => row.querySelector('.mode').cellIndex)")
    assert [amounts[place - 1] for place in framed] == [amount(segment["voucher_amount"]) for segment in expected]


def cells(segment: dict[str, Any], amounts: list[str]) -> list[str]:
    counts = {amount(given["voucher_amount"]): given["count"] for given in segment["assignments"]}
    return [percent(counts[name] / segment["support"]) if name in counts else NOTHING for name in amounts]


def test_a_more_frequent_amount_has_a_stronger_color(visit: Visits):
    page = visit("report")
    cells = page.locator("table.heat:not(.strips) tbody td[class^=level]")

    found = cells.evaluate_all(
        "all => all.filter(cell => parseFloat(cell.innerText))"
        ".map(cell => [parseFloat(cell.innerText), cell.className.match(/\\d/)[0]])"
    )

    levels = [int(level) for _, level in sorted(found)]
    assert levels == sorted(levels)
    assert levels[0] < levels[-1]


@with_and_without_javascript
def test_another_date_shows_what_the_api_answers(visit: Visits, served: Product, *, javascript: bool):
    page = visit("report", javascript=javascript)
    before = served.request("GET", "versions").json()
    expected = served.request("POST", "what_if", json={"cur_date": "2018-08-01"}).json()

    send(form_of(page), cur_date="2018-08-01")

    expect(page.locator("#what-if-result h3")).to_have_text("With CUR_DATE 2018-08-01")
    assert expected["changes"]
    assert marked(page) == changes_of(expected)
    assert [row[2:3] + row[4:7] for row in rows_of(page.get_by_role("group", name="Segments of the what-if"))] == [
        [segment["segment"], amount(segment["voucher_amount"]), number(segment["support"]), percent(segment["share"])]
        for segment in expected["segments"]
    ]
    expect(page.get_by_label("CUR_DATE")).to_have_value("2018-08-01")
    assert served.request("GET", "versions").json() == before


def test_other_ranges_show_what_the_api_answers(visit: Visits, served: Product):
    page = visit("report")
    before = served.request("GET", "versions").json()
    definitions = served.request("GET", "model").json()["definitions"]
    (by_orders,) = (s for s in definitions["segmentations"] if s["name"] == "frequent_segment")
    by_orders["segments"] = [
        {"name": "1-4", "lower": 1, "upper": 4},
        {"name": "5-9", "lower": 5, "upper": 9},
        {"name": "10+", "lower": 10, "upper": None},
    ]
    expected = served.request("POST", "what_if", json={"cur_date": "2018-09-15", "segments": definitions}).json()

    send(form_of(page), ranges_0="1-4, 5-9, 10+")

    expect(page.locator("#what-if-result")).to_be_visible()
    assert marked(page) == changes_of(expected)
    assert {change[2] for change in changes_of(expected)} >= {"5-9", "10+", "5-13", "14-37"}
    told = f"{len(expected['changes'])} segments would get another amount."
    expect(page.locator("#what-if-result").get_by_role("status")).to_have_text(told)
    expect(page.get_by_label("Segments of frequent_segment")).to_have_value("1-4, 5-9, 10+")
    assert served.request("GET", "versions").json() == before


def test_the_served_date_and_ranges_change_nothing(visit: Visits):
    page = visit("report")

    send(form_of(page))

    told = page.locator("#what-if-result").get_by_role("status")
    expect(told).to_have_text("No segment would get another amount.")
    assert marked(page) == set()


@with_and_without_javascript
def test_a_date_and_ranges_that_cannot_be_used_are_told_beside_their_fields(visit: Visits, *, javascript: bool):
    page = visit("report?what_if=1&cur_date=2018-02-30", javascript=javascript, expected=[status(422)])

    assert_told_beside(page.locator("[name=cur_date]"), "expected a date like 2018-09-15, got '2018-02-30'")

    send(form_of(page), cur_date="2018-08-01", ranges_0="1-4, many", ranges_1="30-60, 60-90")

    expect(page.locator("[aria-invalid=true]")).to_have_count(2)
    assert_told_beside(page.locator("[name=ranges_0]"), "expected ranges like 1-4, 5-13, 14+, got 'many'")
    assert_told_beside(page.locator("[name=ranges_1]"), "60-90")
    expect(page.locator("[name=ranges_0]")).to_have_value("1-4, many")
    expect(page.locator("#what-if-result")).to_have_count(0)


@with_and_without_javascript
def test_a_table_is_kept_as_a_file(visit: Visits, served: Product, *, javascript: bool):
    page = visit("report", javascript=javascript)

    with page.expect_download() as found:
        page.get_by_role("link", name="This table as CSV").click()

    expected = served.request("GET", "report.csv?table=worth").content
    named = f"worth-{served.served_version()}.csv"
    assert (found.value.suggested_filename, Path(found.value.path()).read_bytes()) == (named, expected)
