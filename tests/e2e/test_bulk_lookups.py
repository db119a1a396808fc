"""`POST /vouchers` on the real stack: a thousand customers in one request."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.product import Product


@pytest.fixture
def served(product: Product, sample: Path) -> Product:
    """The product with the model of the sample, whatever was run before."""
    if product.request("GET", "health").json()["model"]["cur_date"] != "2018-09-15":
        product.run("--source", str(sample))
    return product


def test_a_thousand_customers_of_the_history_get_the_amounts_of_their_segments(served: Product, sample: Path):
    rows = [row for row in pq.read_table(sample).to_pylist() if row["country_code"] == "Peru"][:1_000]
    names = ("country_code", "last_order_ts", "first_order_ts", "total_orders")
    customers = [
        {name: row[name] and str(row[name]) for name in names}
        | {"customer_id": number, "segment_name": "frequent_segment"}
        for number, row in enumerate(rows)
    ]
    amounts = {
        (row["segment_name"], row["segment"]): row["voucher_amount"]
        for row in served.request("GET", "selection_criteria").json()["segments"]
    }

    answer = served.request("POST", "vouchers", json={"customers": customers})

    assert answer.status_code == 200
    entries = answer.json()["vouchers"]
    assert [entry["customer_id"] for entry in entries] == list(range(len(rows)))
    selected = [entry for entry in entries if "problem" not in entry]
    assert len(selected) > len(rows) * 0.8
    assert all(entry["voucher_amount"] == amounts["frequent_segment", entry["segment"]] for entry in selected)
    for customer, entry in zip(customers, entries, strict=True):
        if "problem" in entry:
            assert served.lookup(**customer).json()["detail"] == entry["problem"]["detail"], json.dumps(customer)
            break


def test_more_than_a_thousand_are_refused(served: Product):
    answer = served.request("POST", "vouchers", json={"customers": [{}] * 1_001})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "got 1,001" in answer.json()["detail"]
