"""Windows, overlaps, quality and best ranges on the real stack, on a generated history and on a real one."""

import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from local.quickstart.proof.reference import answer
from tests.histories import parquet_bytes
from tests.product import Product

CUR_DATE = date(2018, 9, 15)
# Here a copy of a real history may lie beside the project.
DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def up(product: Product, sample: Path) -> Iterator[Product]:
    """The product, which serves the sample before these tests, and again for the tests that follow."""
    product.run("--source", str(sample))
    yield product
    product.run("--source", str(sample))


@pytest.fixture(scope="module")
def table(sample: Path) -> pa.Table:
    return pq.read_table(sample)


def of_days(table: pa.Table, first: str, last: str) -> pa.Table:
    """Return the rows that were given from one day to another; the sample writes times as text."""
    day = pc.utf8_slice_codeunits(table["timestamp"], 0, 10)
    return table.filter(pc.and_(pc.greater_equal(day, first), pc.less_equal(day, last)))


def remodelled(product: Product, *arguments: str) -> None:
    done = product.quickstart("remodel", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    time.sleep(1)


def best_ranges(product: Product, **request: Any) -> dict[str, Any]:
    found = product.request("POST", "best_ranges", json=request)
    assert found.status_code == 200, found.text
    return found.json()


def test_a_window_serves_what_a_full_run_over_its_days_would(up: Product, table: pa.Table):
    remodelled(up, "--window", "2018-06-01..2018-07-10")

    assert up.served_amounts() == answer(of_days(table, "2018-06-01", "2018-07-10"), "Peru", CUR_DATE)[1]
    assert up.request("GET", "model").json()["window"] == {"from": "2018-06-01", "to": "2018-07-10"}

    remodelled(up, "--window", "all")
    assert up.served_amounts() == answer(table, "Peru", CUR_DATE)[1]


def test_a_customer_without_a_segment_gets_the_amount_of_the_country(up: Product):
    fields = {"country_code": " PERU ", "segment_name": "lapse_segment", "last_order_ts": "2018-09-10"}

    without = up.lookup(**fields)
    found = up.lookup(**fields, fallback="country", least_support=30)

    assert (without.status_code, without.json()["code"]) == (404, "no_segment")
    assert found.status_code == 200
    assert {name: found.json()[name] for name in ("country_code", "segment", "basis")} == {
        "country_code": "Peru",
        "segment": None,
        "basis": "country",
    }
    assert found.json()["support"] == up.request("GET", "model").json()["rows"]["kept"]


def test_what_segmentations_are_worth_is_what_their_modes_reproduce(up: Product):
    report = up.request("GET", "model").json()

    for found in report["quality"]["segmentations"]:
        modes = [s["assignments"][0]["count"] for s in report["segments"]
                 if s["segment_name"] == found["segment_name"] and s["support"]]  # fmt: skip
        support = sum(s["support"] for s in report["segments"] if s["segment_name"] == found["segment_name"])
        assert found["agreement"]["support"] == support
        assert found["agreement"]["segments"] == pytest.approx(sum(modes) / support)
        assert found["agreement"]["country"] <= found["agreement"]["segments"]
    printed = up.quickstart("report").stdout
    assert "Past vouchers that the model would give" in printed
    assert "need not work best" in printed


def test_best_ranges_are_asked_as_a_what_if_and_published(up: Product, tmp_path: Path):
    file = tmp_path / "best.json"
    found = up.quickstart(
        *("best-ranges", "--measure", "total_orders", "--ranges", "3", "--least-support", "100", "--write", str(file))
    )
    assert found.returncode == 0, found.stdout + found.stderr
    best = best_ranges(up, measure="total_orders", most_ranges=3, least_support=100)["found"][-1]
    definitions = json.loads(file.read_text())
    assert definitions["segmentations"][-1] == best["definition"]

    what_if = up.request("POST", "what_if", json={"segments": definitions}).json()
    asked = [s for s in what_if["segments"] if s["segment_name"] == "best_total_orders"]
    assert [s["segment"] for s in asked] == [each["segment"] for each in best["ranges"]]
    assert sum(s["assignments"][0]["count"] for s in asked) == best["reproduced"]

    remodelled(up, "--segments", str(file))
    assert up.lookup(country_code="Peru", segment_name="best_total_orders", total_orders=3).status_code == 200


def test_a_delivery_that_overlaps_is_held_back_and_replaces_its_days_once_approved(up: Product, table: pa.Table):
    first, second = (parquet_bytes(table.slice(0, rows)) for rows in (8_000, 9_000))
    up.execute(source=up.upload("calendar/1.parquet", first))

    held = up.execute(mode="append", source=up.upload("calendar/2.parquet", second))
    assert (held["status"], held["error"]) == ("FAILED", "DeliveryOverlaps")
    assert "days that are counted already" in held["cause"]
    assert up.served_amounts() == answer(table.slice(0, 8_000), "Peru", CUR_DATE)[1]

    approved = up.execute(mode="approve", run_id=held["run_id"], overlap="replace")
    assert approved["status"] == "SUCCEEDED", approved
    assert up.served_amounts() == answer(table.slice(0, 9_000), "Peru", CUR_DATE)[1]
    rows = up.request("GET", "model").json()["rows"]
    assert rows["rows_read"] == 17_000
    assert rows["rows_read"] == rows["other_country"] + rows["kept"] + sum(rows["rejected"].values())
    served = up.request("GET", "selection_criteria").json()["segments"]
    assert rows["kept"] - rows["replaced"] == sum(
        s["support"] for s in served if s["segment_name"] == "frequent_segment"
    )


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the real history is not at {DATA}; it is not part of the project")
def test_the_real_history_is_answered_number_for_number(up: Product):
    file, expected = DATA / "vouchers.parquet.gzip", json.loads((DATA / "expected_peru_calendar.json").read_text())
    up.run("--source", str(file), "--cur-date", expected["cur_date"])

    assert amounts(up, "lapse_segment") == expected["given"]
    for of in up.request("GET", "model").json()["quality"]["segmentations"]:
        name = {"lapse_segment": "given"}.get(of["segment_name"], of["segment_name"])
        assert of["agreement"] == pytest.approx(expected["agreement"][name], abs=1e-6)
        assert of["backtest"] == [
            pytest.approx({"month": month, **tested}, abs=1e-6) for month, tested in expected["backtest"][name].items()
        ]
    least = expected["best_ranges"]["least_support"]
    best = best_ranges(up, measure="total_orders", least_support=least)
    reproduced = {str(found["most_ranges"]): found["reproduced"] for found in best["found"]}
    assert reproduced | expected["best_ranges"]["reproduced_by_ranges"] == reproduced
    for window, segmentations in expected["window"].items():
        remodelled(up, "--window", window)
        for name, segments in segmentations.items():
            assert amounts(up, name) == segments


def amounts(product: Product, segmentation: str) -> dict[str, Any]:
    """Return the served segments with support in the form of the expected ones."""
    return {
        s["segment"]: {
            "support": s["support"],
            "mode": s["voucher_amount"],
            "counts": {f"{given['voucher_amount']:g}": given["count"] for given in s["assignments"]},
        }
        for s in product.request("GET", "selection_criteria").json()["segments"]
        if s["segment_name"] == segmentation and s["support"]
    }
