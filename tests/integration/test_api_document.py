"""The document of the API and its explorer: made from the code, the same as the routes, and whole."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.integration.conftest import Api
from voucher_selection.api import openapi, problems
from voucher_selection.api.operations import OPERATIONS


def test_the_routes_of_the_handler_are_those_of_the_document(api: Api):
    resolver = api.handler.app
    routes = {
        (route.method.lower(), re.sub(r"<(\w+)>", r"{\1}", route.path))
        for route in resolver._static_routes + resolver._dynamic_routes
    }
    documented = api("GET", "/openapi.json").json["paths"]

    assert routes == {(method, path) for path, methods in documented.items() for method in methods}


@pytest.mark.parametrize(
    ("auth", "keyed"),
    [
        ("none", set()),
        ("api_key", {operation.path for operation in OPERATIONS if not (operation.is_open or operation.is_shell)}),
        ("iam", {operation.path for operation in OPERATIONS if not operation.is_open}),
    ],
)
def test_the_document_says_where_a_key_or_a_signature_is_asked_for(environment, aws, auth: str, keyed: set[str]):
    environment.setenv("AUTH", auth)

    document = Api()("GET", "/openapi.json").json

    asking = {path for path, methods in document["paths"].items() if any(told["security"] for told in methods.values())}
    refusing = {
        path
        for path, methods in document["paths"].items()
        for method in methods
        if {"api_key_required", "signature_required"} & codes_of(path, method, document)
    }
    assert asking == refusing == keyed
    assert not keyed or {"/voucher", "/selection_criteria", "/model", "/executions", "/views/report"} <= keyed
    assert not {"/health", "/openapi.json", "/docs"} & keyed
    assert ("/report" in keyed) == (auth == "iam")
    schemes = document["components"].get("securitySchemes", {})
    header = {"none": [], "api_key": ["x-api-key"], "iam": ["Authorization"]}[auth]
    assert [scheme["name"] for scheme in schemes.values()] == header


def test_the_server_is_where_the_document_lies():
    assert openapi.document("none")["servers"] == [{"url": "./"}]


def test_routes_are_grouped_by_tags_with_pages_last():
    document = openapi.document("none")

    grouped: dict[str, set[str]] = {tag["name"]: set() for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for described in methods.values():
            (tag,) = described["tags"]
            grouped[tag].add(path)
    assert list(grouped) == ["lookups", "model", "runs", "operation", "pages"]
    assert grouped["lookups"] == {"/voucher", "/vouchers"}
    assert grouped["runs"] == {"/executions", "/executions/{run_id}", "/uploads"}
    assert grouped["operation"] == {"/health", "/openapi.json", "/docs", "/docs/{file}"}
    assert {"/model", "/model.sql", "/selection_criteria", "/versions", "/what_if"} <= grouped["model"]
    assert {"/", "/report", "/views/report", "/views/runs/{run_id}"} <= grouped["pages"]
    assert all(re.fullmatch(r"[A-Z][^.]+\.", tag["description"]) for tag in document["tags"])


def test_every_reference_leads_somewhere():
    document = openapi.document("api_key")

    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document)):
        found = document
        for part in reference.split("/"):
            found = found[part]


def test_every_code_that_a_route_can_answer_is_documented():
    told = {code for operation in OPERATIONS for code in codes_of(operation.path, operation.method)}

    # No operation has a method that it has not.
    assert {code for _, code in problems.PROBLEMS.values()} - told == {"method_not_allowed"}
    assert "internal_error" in told


def codes_of(path: str, method: str, document: dict[str, Any] | None = None) -> set[str]:
    document = document or openapi.document("api_key")
    codes: set[str] = set()
    shared = document["components"]["responses"]
    for response in document["paths"][path][method.lower()]["responses"].values():
        told = shared[response["$ref"].rpartition("/")[2]] if "$ref" in response else response
        for part in told.get("content", {}).get(problems.CONTENT_TYPE, {}).get("schema", {}).get("allOf", []):
            codes |= {*part.get("properties", {}).get("code", {}).get("enum", [])}
    return codes


def test_a_lookup_documents_what_can_be_wrong_with_it():
    assert codes_of("/voucher", "POST") >= {
        "malformed_json", "malformed_body", "body_too_large", "unsupported_media_type", "invalid_request",
        "unknown_country", "no_segment", "no_support", "no_model", "catalog_unreachable", "internal_error", "throttled",
    }  # fmt: skip


def test_the_examples_are_of_the_types_that_they_are_examples_of():
    checked = 0
    for operation in OPERATIONS:
        bodies = [body for bodies in operation.answers.values() for body in bodies]
        for body in (*bodies, *([operation.body] if operation.body else [])):
            if body.example is not None and not isinstance(body.schema, dict):
                TypeAdapter(body.schema).validate_python(body.example)
                checked += 1

    assert checked == 18


def test_the_answer_of_a_lookup_is_of_the_type_that_is_documented(version: str, api: Api):
    customer = {"country_code": "Peru", "segment_name": "frequent_segment", "total_orders": 3}

    found = api.lookup(**customer).json

    schema = openapi.document("none")["components"]["schemas"]["VoucherAnswer"]
    assert set(found) == set(schema["properties"]) == set(schema["required"])


class Links(HTMLParser):
    """What a page loads, and the scripts and styles that stand in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self.html: dict[str, str | None] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "html":
            self.html = named
        if tag in {"script", "link"}:
            self.loaded.append(named.get("src") or named.get("href") or "")
        if tag == "style" or "style" in named or any(name.startswith("on") for name in named):
            self.inline.append(tag)


def test_the_explorer_is_made_of_files_of_its_own(api: Api):
    page = api("GET", "/docs", Accept="text/html")

    links = Links(page.text)
    assert (page.status, page.headers["Content-Type"], links.html["lang"]) == (200, "text/html; charset=utf-8", "en")
    assert "script-src 'self'; style-src 'self';" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert links.inline == []
    assert [link for link in links.loaded if not link.startswith("docs/")] == ["data:,"]
    for link in links.loaded:
        if link.startswith("docs/"):
            assert api("GET", f"/{link}").status == 200, link


@pytest.mark.parametrize(
    ("file", "content_type", "least"),
    [
        ("swagger-ui-bundle.min.js", "text/javascript; charset=utf-8", 1_000_000),
        ("swagger-ui.min.css", "text/css; charset=utf-8", 100_000),
        ("initializer.js", "text/javascript; charset=utf-8", 100),
    ],
)
def test_its_files_may_be_kept_for_a_day(api: Api, file: str, content_type: str, least: int):
    answer = api("GET", f"/docs/{file}")

    assert (answer.status, answer.headers["Content-Type"]) == (200, content_type)
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    assert len(answer.text) > least


@pytest.mark.parametrize("file", ["html.py", "..", "%2e%2e", "__init__.py"])
def test_nothing_else_lies_beside_them(api: Api, file: str):
    answer = api("GET", f"/docs/{file}")

    assert (answer.status, answer.json["code"]) == (404, "not_found")
