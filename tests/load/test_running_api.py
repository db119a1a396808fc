"""The running API with 1, 16 and 64 connections at once: it answers right or says when to ask again.

The emulator's own health is asked in the same way beside it: what fails there is the emulator's limit, not the API's.
"""

import time
from collections import Counter

import pytest

from tests.load.connections import Came, quantile, send
from tests.load.mixture import CUR_DATE, Request, Served, request
from tests.lookup_requests import SEED_REQUEST
from tests.product import Product

REQUESTS = {1: 300, 16: 600, 64: 600}
HEALTH = Request("the emulator's health", "GET", "/_localstack/health", 200, lambda text: '"services"' in text)
# Environments that know another model ask for the served one after this long.
REFRESH_SECONDS = 2


@pytest.fixture(scope="module")
def served(product: Product) -> Served:
    """The model of the mixture's date, served by every environment."""
    done = product.quickstart("remodel", "--cur-date", CUR_DATE.isoformat())
    assert done.returncode == 0, done.stdout + done.stderr
    time.sleep(REFRESH_SECONDS)
    answer = product.request("GET", "selection_criteria")
    assert answer.json()["model"]["cur_date"] == CUR_DATE.isoformat()
    segments = answer.json()["segments"]
    amounts = {(row["segment_name"], row["segment"]): row["voucher_amount"] for row in segments}
    return Served(amounts, answer.headers["ETag"])


@pytest.mark.parametrize("connections", REQUESTS)
def test_no_answer_is_wrong(product: Product, served: Served, connections: int, record_property):
    asked = [request(number, served) for number in range(REQUESTS[connections])]
    emulator = send(f"{product.status_once['endpoint_url']}/", [HEALTH] * (len(asked) // 2), connections)

    came = send(product.status_once["api_url"], asked, connections)

    answered = [one for one in came if one.is_served and not one.is_refused]
    assert [(one.request.kind, one.status, one.text[:300]) for one in answered if not one.is_right] == []
    assert answered
    assert unserved(came) <= unserved(emulator)
    record_property("load", figures(connections, came, emulator))


def test_afterwards_it_answers_as_before(product: Product, served: Served):
    answer = product.lookup(**SEED_REQUEST)

    assert (answer.status_code, answer.json()["segment"]) == (200, "121-180")
    assert answer.json()["voucher_amount"] == served.amounts["recency_segment", "121-180"]


def unserved(came: list[Came]) -> int:
    return sum(not one.is_served for one in came)


def figures(connections: int, came: list[Came], emulator: list[Came]) -> str:
    statuses = Counter(one.status for one in came)
    listed = ", ".join(f"{count} with {status}" for status, count in sorted(statuses.items(), key=str))
    return (
        f"{len(came)} requests over {connections} connections: {listed};"
        f" p50 {quantile(came, 0.5):.0f} ms, p99 {quantile(came, 0.99):.0f} ms;"
        f" the emulator's health beside it: {unserved(emulator)} of {len(emulator)} failed,"
        f" p50 {quantile(emulator, 0.5):.0f} ms, p99 {quantile(emulator, 0.99):.0f} ms"
    )
