"""The running API against its own document: whatever is sent, answers are as documented, and never our fault."""

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.product import Product
from voucher_selection.api import openapi

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
EXAMPLES = 20
# What would start a run is refused in the end: the tests share the deployment.
OF_ANOTHER_SITE = {"Sec-Fetch-Site": "cross-site"}

schema = schemathesis.openapi.from_dict(openapi.document("none"))
OPERATIONS = {operation.label: operation for operation in (found.ok() for found in schema.get_all_operations())}


@pytest.fixture(scope="module")
def session():
    """One connection for all requests."""
    with requests.Session() as session:
        yield session


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_every_answer_is_as_documented(name: str, product: Product, session: requests.Session):
    base_url = product.status_once["api_url"].rstrip("/")

    @given(case=OPERATIONS[name].as_strategy())
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    def answers(case: schemathesis.Case) -> None:
        response = case.call(base_url, session, headers=OF_ANOTHER_SITE, verify=False)
        case.validate_response(response, checks=CHECKS)

    answers()


def test_the_document_that_is_served_is_the_one_that_is_tested(product: Product):
    assert product.request("GET", "openapi.json").json() == openapi.document("none")


@pytest.mark.parametrize("file", ["initializer.js", "swagger-ui-bundle.min.js", "swagger-ui.min.css"])
def test_the_explorer_is_whole_as_it_is_deployed(product: Product, file: str):
    page = product.request("GET", "docs", headers={"Accept": "text/html"})
    found = product.request("GET", f"docs/{file}")

    assert f'"docs/{file}"' in page.text
    assert (found.status_code, len(found.text) > 100) == (200, True)
    again = product.request("GET", f"docs/{file}", headers={"If-None-Match": found.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
