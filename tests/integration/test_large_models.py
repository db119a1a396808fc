"""Models of many amounts: lookups read little of them, reports read all, and answers come in parts."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from local.quickstart.here import api as terminals_api
from local.quickstart.machine import http_client
from tests.concurrency.writers import summary_of
from tests.environment import TABLE
from tests.histories import SCHEMA, history, parquet_bytes
from tests.integration.conftest import SECOND, STARTED, Api, Pipeline, ask_what_if
from tests.models import model_of
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.catalog_items import AMOUNTS, VERSION
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.api import model_parts
from voucher_selection.domain.errors import ModelTooLarge, UnreadableItem
from voucher_selection.domain.model import AmountCount, CountryMode, SegmentMode
from voucher_selection.domain.retention import Retention
from voucher_selection.domain.segments import SegmentDefinitions
from voucher_selection.domain.versions import version_of
from voucher_selection.pipeline import remodelling

# Lambda's limit of an answer, in bytes.
LAMBDA_ANSWER = 6 * 1024 * 1024
NINE = {
    "segmentations": [
        {
            "name": "loyalty",
            "measure": "total_orders",
            "segments": [{"name": f"{n}-{n}", "lower": n, "upper": n} for n in range(1, 10)],
            "outside": None,
        }
    ]
}
PATHS = ("/selection_criteria", "/model", "/report", "/segments")
LOOKUP = {"country_code": "Country 01", "segment_name": "loyalty", "total_orders": 3}


def crossed(countries: int, amounts: int, **columns: Any) -> bytes:
    """Return a history in which each country has each amount in each of nine segments, the first amount twice."""
    rows = [
        (f"Country {country:02d}", str(orders), 1000 + place / 4)
        for country in range(countries)
        for orders in range(1, 10)
        for place in (0, *range(amounts))
    ]
    named = dict(zip(("country_code", "total_orders", "voucher_amount"), zip(*rows, strict=True), strict=True))
    usual = {"timestamp": ["2018-07-21"] * len(rows), "last_order_ts": [""] * len(rows)}
    arrays = {**usual, **named, "first_order_ts": pa.nulls(len(rows), pa.timestamp("ms")), **columns}
    return parquet_bytes(pa.table({name: arrays[name] for name in SCHEMA.names}, schema=SCHEMA))


def names(countries: int) -> list[str]:
    return [f"Country {country:02d}" for country in range(countries)]


@pytest.fixture
def pipeline(environment: pytest.MonkeyPatch, lake) -> Pipeline:
    environment.setenv("SEGMENTS", json.dumps(NINE))
    return Pipeline(lake)


@pytest.fixture
def counted(put, pipeline: Pipeline) -> str:
    """A model of three countries with nine segments of 40 amounts, made from their counts."""
    source = put("uploads/x.parquet", crossed(3, 40))
    return pipeline.run("run-1", {"source": source, "countries": names(3)}, STARTED)["version"]


def published(catalog: Catalog, run_id: str, countries: int, amounts: int) -> str:
    """Publish such a model as it would be made from counts."""
    version, definitions = version_of(STARTED, run_id), SegmentDefinitions.model_validate(NINE)
    given = tuple(AmountCount(1000 + place / 4, 1 + (place == 0)) for place in range(amounts))
    bounds = definitions["loyalty"].bounds.items()
    modes = [SegmentMode(name, "loyalty", each, *ends, given) for name in names(countries) for each, ends in bounds]
    all_given = tuple(AmountCount(each.voucher_amount, 9 * each.count) for each in given)
    model = model_of(
        *modes,
        version=version,
        run_id=run_id,
        countries=tuple(names(countries)),
        definitions=definitions,
        country_modes=tuple(CountryMode(name, all_given) for name in names(countries)),
    )
    assert catalog.publish(model, summary_of(version)) is None
    return version


@pytest.fixture
def version(catalog: Catalog) -> str:
    """A model as `counted`, without its counts."""
    return published(catalog, "run-1", 3, 40)


def parts(api: Api, path: str) -> list[dict[str, Any]]:
    """Return the parts of an answer, from the first on."""
    found = [api("GET", path).json]
    while "next" in found[-1]:
        found.append(api("GET", path + found[-1]["next"]).json)
    return found


def places(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(segment["country_code"], segment["segment"]) for segment in answer["segments"]]


def stored(catalog: Catalog, prefix: str) -> list[dict[str, Any]]:
    items = catalog._client.scan(TableName=TABLE)["Items"]
    return [item for item in items if item["pk"]["S"].startswith(prefix)]


def test_a_model_of_135_000_amounts_is_published_served_and_reported(catalog: Catalog, api: Api):
    published(catalog, "run-1", 30, 500)

    answer = api.lookup(**LOOKUP)
    assert (answer.json["voucher_amount"], answer.json["support"]) == (1000.0, 501)

    found = [api("GET", "/model")]
    while following := found[-1].json.get("next"):
        found.append(api("GET", f"/model{following}"))
    assert len(found) > 1
    assert max(len(json.dumps({"body": part.text})) for part in found) < LAMBDA_ANSWER
    segments = [segment for part in found for segment in part.json["segments"]]
    assert sum(len(segment["assignments"]) for segment in segments) == 30 * 9 * 500
    assert places({"segments": segments}) == [(name, f"{n}-{n}") for name in names(30) for n in range(1, 10)]
    assert len(api("GET", "/report", Accept="text/html").text) < 1_000_000


def test_lookups_read_the_leading_amounts_only(version: str, catalog: Catalog, api: Api):
    leading = catalog.read(version).modes[0]
    assert (len(leading.assignments), leading.others, leading.support) == (10, (30, 30), 41)
    assert len(stored(catalog, f"{AMOUNTS}{version}")) == 3 * 10
    asked: list[str] = []
    paginate = api.handler.models._catalog._client.get_paginator("query").paginate

    class Paginator:
        def paginate(self, **query: Any) -> Any:
            asked.append(query["ExpressionAttributeValues"][":pk"]["S"])
            return paginate(**query)

    api.handler.models._catalog._client.get_paginator = lambda _: Paginator()

    assert api.lookup(**LOOKUP).json["share"] == 2 / 41
    assert asked == [f"{VERSION}{version}"]
    page = api("GET", "/segments?country=Country+02", Accept="text/html")
    assert ("36 others" in page.text, asked) == (True, [f"{VERSION}{version}"])


def test_an_answer_that_fits_is_whole_and_has_no_next(version: str, api: Api):
    criteria = api("GET", "/selection_criteria").json

    assert criteria.keys() == {"model", "segments", "country_modes"}
    assert {len(each["assignments"]) for each in criteria["segments"] + criteria["country_modes"]} == {40}
    assert not any("others" in each for each in criteria["segments"] + criteria["country_modes"])
    assert "next" not in api("GET", "/model").json


@pytest.mark.parametrize("path", ["/selection_criteria", "/model"])
def test_the_parts_of_an_answer_are_the_whole_of_one_version(
    version: str, catalog: Catalog, put, api: Api, monkeypatch, path: str
):
    put(RunKeys("run-1").quality, b'{"segmentations": [], "countries": []}')
    whole = api("GET", path).json
    monkeypatch.setattr(model_parts, "LARGEST_ANSWER", 20_000)
    first = api("GET", path).json
    published(catalog, "run-2", 1, 1)
    assert api("GET", "/health").json["model"]["run_id"] == "run-2"

    found = [first]
    while "next" in found[-1]:
        found.append(api("GET", path + found[-1]["next"]).json)

    assert len(found) > 2
    for name in whole.keys() & {"segments", "country_modes"}:
        assert [each for part in found for each in part[name]] == whole[name]
    versions = {part["model"]["version"] if path == "/selection_criteria" else part["version"] for part in found}
    assert versions == {version}
    if path == "/model":
        assert [part["quality"] is not None for part in found] == [True] + [False] * (len(found) - 1)


@pytest.mark.parametrize("path", ["selection_criteria", "model"])
def test_the_terminal_puts_the_parts_together(version: str, api: Api, monkeypatch, path: str):
    def ask(url: str, body: None, headers: dict[str, str], **_: Any) -> http_client.Answer:
        asked.append(url)
        answer = api("GET", url.removeprefix("https://api/_aws/execute-api/voucher/local"), body, **headers)
        return http_client.Answer(answer.status, answer.text)

    asked: list[str] = []
    monkeypatch.setattr(terminals_api, "ask", ask)
    terminal: Any = terminals_api.Api(
        SimpleNamespace(endpoint_url="https://api"),  # type: ignore[arg-type]
        SimpleNamespace(api_key=None),  # type: ignore[arg-type]
    )
    whole = api("GET", f"/{path}").json
    monkeypatch.setattr(model_parts, "LARGEST_ANSWER", 20_000)

    found = getattr(terminal, path)()

    assert len(asked) > 2
    assert {**found, "age_seconds": 0} == {**whole, "age_seconds": 0}


def test_a_part_has_at_least_one_segment_and_countries_come_whole(version: str, api: Api, monkeypatch):
    monkeypatch.setattr(model_parts, "LARGEST_ANSWER", 1)

    found = parts(api, "/selection_criteria")

    assert [len(part["segments"]) + len(part["country_modes"]) for part in found] == [1] * 3 * 10
    assert [part["country_modes"][0]["country_code"] for part in found[9::10]] == names(3)


def test_a_start_that_is_no_number_is_named(version: str, api: Api):
    for path, start in product(PATHS, ("-1", "x", "", "1.5", "%C2%B2")):
        answer = api("GET", f"{path}?start={start}")

        assert (answer.status, answer.json["code"]) == (422, "invalid_request"), (path, start)
        assert [error["field"] for error in answer.json["errors"]] == ["start"]


def test_behind_the_end_there_is_nothing(version: str, api: Api):
    for start in ("30", "123456789", "9" * 5_000):
        answer = api("GET", f"/selection_criteria?start={start}").json

        assert (answer["segments"], answer["country_modes"], "next" in answer) == ([], [], False)
        assert {api("GET", f"{path}?start={start}", Accept="text/html").status for path in PATHS} == {200}


def test_a_version_that_is_not_there_is_named(version: str, api: Api):
    for asked in ("", "20180915T060000000Z-run-9", "x" * 3_000, "a/b"):
        answer = api("GET", f"/model?version={asked}")

        assert (answer.status, answer.json["code"]) == (404, "no_version"), asked
        assert "start again without `version`" in answer.json["detail"]


def test_the_report_shows_some_countries_and_leads_to_the_next(counted: str, api: Api, monkeypatch):
    monkeypatch.setattr(model_parts, "MOST_SHOWN", 25)

    first = api("GET", "/report", Accept="text/html").text
    second = api("GET", "/report?start=20", Accept="text/html").text

    def shown(page: str) -> list[str]:
        return [name for name in names(3) if f"Amounts by segment, {name}</h2>" in page]

    assert (shown(first), shown(second)) == (names(2), ["Country 02"])
    assert "Country 00 to Country 01: 2 of 3 countries." in first
    assert '<a href="report?start=20">Next countries</a>' in first
    assert "Next countries" not in second
    assert '<a href="report">First countries</a>' in second
    assert '<th scope="row">loyalty</th>' in second  # what segmentations are worth is of the same countries
    assert (
        "<td>Country 00</td>" not in second.partition("What the segmentations are worth")[2].partition("</section>")[0]
    )


def test_the_segments_of_a_country_come_on_several_pages(version: str, api: Api, monkeypatch):
    monkeypatch.setattr("voucher_selection.api.pages.MOST_SHOWN", 5)

    first = api("GET", "/segments?country=Country+02", Accept="text/html").text
    second = api("GET", "/segments?country=Country+02&start=5", Accept="text/html").text

    rows = [[f"{n}-{n}" for n in range(1, 10) if f'<th scope="row">{n}-{n}<' in page] for page in (first, second)]
    assert rows == [["1-1", "2-2", "3-3", "4-4", "5-5"], ["6-6", "7-7", "8-8", "9-9"]]
    assert '<a href="segments?country=Country+02&amp;start=5">Next segments</a>' in first
    assert "Next segments" not in second


def test_a_what_if_of_many_segments_shows_those_that_change(version: str, api: Api, monkeypatch):
    from voucher_selection.api import pages  # noqa: PLC0415

    rows = [{"changed": "changed" if n % 3 == 0 else "", "n": n} for n in range(12)]

    assert pages._shown_rows(rows) == rows
    monkeypatch.setattr(pages, "MOST_SHOWN", 3)
    assert [row["n"] for row in pages._shown_rows(rows)] == [0, 3, 6]


def test_a_what_if_that_is_too_large_lists_the_leading_amounts(counted: str, monkeypatch):
    whole = ask_what_if()
    monkeypatch.setattr(remodelling, "LARGEST_ANSWER", 60_000)
    shortened = ask_what_if()

    for name in ("segments", "country_modes"):
        for all_, some in zip(whole[name], shortened[name], strict=True):
            rest = all_["assignments"][10:]
            assert some["assignments"] == all_["assignments"][:10]
            assert some["others"] == {"amounts": len(rest), "assignments": sum(each["count"] for each in rest)}
            assert {**some, "assignments": all_["assignments"]} == {**all_, "others": some["others"]}
    monkeypatch.setattr(remodelling, "LARGEST_ANSWER", 1_000)
    with pytest.raises(ModelTooLarge, match=r"a what-if of at most 1,000 bytes, got .* with 27 segments and 0 changes"):
        ask_what_if()


def older(catalog: Catalog, version: str) -> None:
    """Make a version one that an older product wrote: all amounts in the items that lookups read, and no others."""
    model = catalog.read(version)
    whole = {mode.key: mode for mode in catalog.with_all_amounts(model, 0, len(model.entries))}
    for item in stored(catalog, f"{VERSION}{version}"):
        del item["leading"], item["others"]
        amounts = whole[tuple(item["sk"]["S"].split("#"))].assignments
        pairs = [{"voucher_amount": {"N": repr(a.voucher_amount)}, "count": {"N": str(a.count)}} for a in amounts]
        item["assignments"] = {"L": [{"M": pair} for pair in pairs]}
        catalog._client.put_item(TableName=TABLE, Item=item)
    for item in stored(catalog, f"{AMOUNTS}{version}"):
        catalog._client.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})


def without_age(page: str) -> str:
    return re.sub(r"<dt>Age</dt><dd>[^<]*", "", page)


def test_a_version_of_an_older_product_is_served_compared_reported_and_rolled_back_to(
    put, pipeline: Pipeline, catalog: Catalog, api: Api
):
    version = published(catalog, "run-1", 2, 12)
    known = {path: api("GET", path).json for path in ("/selection_criteria", "/model")}
    pages = {path: api("GET", path, Accept="text/html").text for path in ("/segments", "/report")}
    lookup = api.lookup(**LOOKUP).json

    older(catalog, version)
    api.handler.models.__init__(api.handler.models._catalog, 0)  # as one that has just started

    assert api.lookup(**LOOKUP).json == lookup
    for path, answer in known.items():
        assert {**api("GET", path).json, "age_seconds": 0} == {**answer, "age_seconds": 0}
    for path, page in pages.items():
        assert without_age(api("GET", path, Accept="text/html").text) == without_age(page)
    one = put("uploads/one.parquet", parquet_bytes(history({"country_code": "Country 00", "total_orders": "1"})))
    gate = {"most_lost_segments": 0}
    with pytest.raises(Exception, match="segments that lost support: Country 00 loyalty 2-2"):
        pipeline.run("held", {"source": one, "countries": names(2), "gate": gate}, STARTED + SECOND)
    newer = pipeline.run("run-2", {"source": one, "countries": names(2)}, STARTED + 2 * SECOND)
    assert catalog.served_version() == newer["version"]
    pipeline.sum_up("back", {"mode": "rollback"})
    assert catalog.served_version() == version
    assert api.lookup(**LOOKUP).json == lookup


def test_amounts_expire_and_are_kept_with_their_version(catalog: Catalog):
    versions = [published(catalog, f"run-{n}", 1, 12) for n in range(4)]

    def expiring() -> set[str]:
        return {item["pk"]["S"] for item in stored(catalog, AMOUNTS) if "expires_at" in item}

    catalog.expire(Retention(versions=3, days=9_999), datetime.now(UTC))
    assert expiring() == {f"{AMOUNTS}{versions[0]}"}
    # Marked by a run that died before it looked which versions are in use.
    for item in stored(catalog, f"{AMOUNTS}{versions[3]}"):
        catalog._client.put_item(TableName=TABLE, Item=item | {"expires_at": {"N": "1"}})
    catalog.keep_in_use()
    assert expiring() == {f"{AMOUNTS}{versions[0]}"}


def test_a_second_attempt_leaves_no_amounts_of_the_first(version: str, catalog: Catalog):
    few = replace(catalog.read(published(catalog, "run-2", 3, 5)), version=version)

    catalog._write(few)

    assert (catalog.read(version).modes, stored(catalog, f"{AMOUNTS}{version}")) == (few.modes, [])


ODD = (
    (None, "it is missing; expected the 40 amounts of Country 00 loyalty 1-1"),
    ({"assignments": {"S": "[[1000.0,2]]"}}, "its amounts are not those of Country 00 loyalty 1-1"),
    ({"assignments": {"S": "[" * 100_000}}, "recursion limit exceeded"),
    ({"assignments": {"S": "[[1000.0,0]]"}}, "greater than or equal to 1"),
    ({"assignments": {"N": "5"}}, "tuple"),
    ({"key": {"L": [{"S": "Country 01"}]}}, "its amounts are not those of Country 00 loyalty 1-1"),
)


def test_odd_amounts_are_named_and_stop_no_lookup(version: str, catalog: Catalog, api: Api):
    (item,) = [item for item in stored(catalog, f"{AMOUNTS}{version}") if item["sk"]["S"] == "00000"]
    for odd, why in ODD:
        if odd is None:
            catalog._client.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})
        else:
            catalog._client.put_item(TableName=TABLE, Item=item | odd)

        with pytest.raises(UnreadableItem, match=rf"item AMOUNTS#{version} / 00000 cannot be read: (?s:.*){why}"):
            catalog.with_all_amounts(catalog.read(version), 0, 1)
        for path in ("/model", "/selection_criteria"):
            answer = api("GET", path)
            assert (answer.status, answer.json["code"]) == (503, "unreadable_item")
        assert api("GET", "/report", Accept="text/html").status == 503
        assert api.lookup(**LOOKUP).status == 200
        assert api("GET", "/selection_criteria?start=10").status == 200


def test_a_version_that_has_expired_has_no_further_parts(version: str, catalog: Catalog, api: Api):
    published(catalog, "run-2", 1, 1)
    item = stored(catalog, f"{VERSION}{version}")[0]
    catalog._client.delete_item(TableName=TABLE, Key={"pk": item["pk"], "sk": item["sk"]})

    answer = api("GET", f"/model?version={version}&start=3")

    assert (answer.status, answer.json["code"]) == (404, "no_version")
