"""A run that assigns gives every customer what the API would, and changes nothing that is served."""

import io
import json
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.customers import CASES, FREQUENT, RECENT, answered, case
from tests.environment import BUCKET
from tests.histories import history, parquet_bytes
from tests.integration.conftest import STARTED, Pipeline, forget_the_countries
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.domain import errors


@pytest.fixture
@made_once
def served(put, days, pipeline: Pipeline) -> None:
    """A model is served, in which some segments have no support."""
    rows = [{"total_orders": str(n), "last_order_ts": "2018-05-03"} for n in (1, 3, 3, 14)]
    pipeline.run("full", {"source": put("uploads/history.parquet", parquet_bytes(history(*rows)))}, STARTED)


def customers(cases: list[dict[str, Any]], ids: pa.Array | None = None, without: tuple[str, ...] = ()) -> pa.Table:
    columns = {name: pa.array([row[name] for row in cases], pa.string()) for name in case() if name not in without}
    return pa.table({"customer_id": pa.array(range(len(cases))) if ids is None else ids, **columns})


def assigned(pipeline: Pipeline, lake: Lake, address: str, **request: Any) -> tuple[dict[str, Any], list[pa.Table]]:
    """Return the summary of a run, and its tables of amounts in the order of the shards."""
    asked = {"mode": "assign", "customers": address} | request
    pipeline.assign(pipeline.ingest("assign", asked))
    summary = pipeline.sum_up("assign", asked)
    keys = lake.list(summary["output"].removeprefix(f"s3://{BUCKET}/"))
    return summary, [pq.read_table(io.BytesIO(lake.open(key).read())) for key in keys]


def test_amounts_are_written_where_they_expire_and_nothing_stays_in_production(
    served, put, pipeline: Pipeline, lake: Lake
):
    address = put("uploads/customers.parquet", parquet_bytes(customers([case()])))

    summary, _ = assigned(pipeline, lake, address)

    assert summary["output"] == f"s3://{BUCKET}/assigned/run_id=assign/vouchers/"
    assert summary["cost_key"] == "assigned/run_id=assign/voucher_cost.json"
    written = {key.partition("/run_id=assign/")[0] for key in lake.list("") if "/run_id=assign/" in key}
    assert written == {"raw", "runs", "assigned"}


def test_every_row_is_answered_as_the_api_answers_it(served, put, pipeline: Pipeline, lake: Lake, catalog: Catalog):
    address = put("uploads/customers.parquet", parquet_bytes(customers(CASES)))

    _, (table,) = assigned(pipeline, lake, address)

    model = catalog.read(catalog.served_version())
    expected = [answered(model, **row) for row in CASES]
    columns = ("segment", "voucher_amount", "problem", "basis")
    found = list(zip(*(table[name].to_pylist() for name in columns), strict=True))
    assert [(*row.values(), answer) for row, answer in zip(CASES, found, strict=True)] == [
        (*row.values(), answer) for row, answer in zip(CASES, expected, strict=True)
    ]
    assert {problem for *_, problem, _ in expected} == {
        *(None, "unknown_country", "no_segment", "no_support", "invalid_request")
    }
    assert table["customer_id"].to_pylist() == list(range(len(CASES)))
    assert table.schema.names == [
        *("customer_id", "country_code", "segment_name", "segment", "voucher_amount", "problem", "basis")
    ]


@pytest.mark.parametrize(
    ("orders", "last_order"),
    [
        (pa.array([3, None, 14]), pa.array([datetime(2018, 5, 3, 18), None, datetime(2018, 9, 16)])),
        (pa.array([3.0, float("nan"), 2.5]), pa.array(["2018-05-03", None, "x"]).dictionary_encode()),
        (pa.array(["3", None, "14"]).dictionary_encode(), pa.nulls(3)),
    ],
)
def test_columns_of_every_type_mean_what_they_mean_in_json(
    served, put, pipeline: Pipeline, lake: Lake, catalog: Catalog, orders: pa.Array, last_order: pa.Array
):
    for_json = [None if n != n else n for n in orders.to_pylist()]  # noqa: PLR0124 - NaN
    times = [moment and str(moment) for moment in last_order.to_pylist()]
    table = customers([case()] * 3).drop_columns(["total_orders", "last_order_ts"])
    table = table.append_column("total_orders", orders).append_column("last_order_ts", last_order)
    address = put("uploads/customers.parquet", parquet_bytes(table))

    for name in (FREQUENT, RECENT):
        _, (found,) = assigned(pipeline, lake, address, segment_name=name)
        model = catalog.read(catalog.served_version())
        rows = zip(for_json, times, strict=True)
        expected = [
            answered(model, country_code="Peru", segment_name=name, total_orders=n, last_order_ts=moment)
            for n, moment in rows
        ]
        assert [tuple(row.values())[3:] for row in found.to_pylist()] == expected


def test_an_id_that_is_too_long_for_a_lookup_is_a_problem(served, put, pipeline: Pipeline, lake: Lake):
    ids = pa.array(["a", None, "x" * 128, "x" * 129])
    address = put("uploads/customers.parquet", parquet_bytes(customers([case()] * 4, ids)))

    _, (table,) = assigned(pipeline, lake, address)

    assert table["customer_id"].combine_chunks() == ids
    assert table["problem"].to_pylist() == [None, None, None, "invalid_request"]


def test_shards_are_written_one_by_one_in_the_order_of_the_input(
    served, put, pipeline: Pipeline, lake: Lake, catalog: Catalog
):
    before = catalog.served_version()
    cases = [case(total_orders=str(n % 40)) for n in range(1_800)]
    address = put("uploads/customers.parquet", parquet_bytes(customers(cases), row_group_size=600))

    summary, tables = assigned(pipeline, lake, address)

    assert [table.num_rows for table in tables] == [600, 600, 600]
    assert pa.concat_tables(tables)["customer_id"].to_pylist() == list(range(1_800))
    assert (summary["shards"], summary["rows"], summary["version"]) == (3, 1_800, before)
    assert summary["rows"] == summary["assigned"] + sum(summary["problems"].values())
    assert summary["problems"] == {
        code: pa.concat_tables(tables)["problem"].to_pylist().count(code) for code in summary["problems"]
    }
    written = json.loads(lake.open("runs/run_id=assign/run.json").read())
    assert (written["mode"], written["outcome"], written["published"]) == ("assign", "assigned", False)
    assert catalog.served_version() == before


def test_all_shards_use_the_model_that_was_served_when_the_run_was_planned(
    served, put, days, pipeline: Pipeline, catalog: Catalog
):
    address = put("uploads/customers.parquet", parquet_bytes(customers([case()])))
    request = {"mode": "assign", "customers": address}
    before = catalog.served_version()
    planned = pipeline.ingest("assign", request)
    pipeline.run("newer", {"source": days[0]})

    pipeline.assign(planned)

    assert pipeline.sum_up("assign", request)["version"] == before != catalog.served_version()


def test_a_column_that_the_segmentation_does_not_need_may_be_missing(served, put, pipeline: Pipeline, lake: Lake):
    table = customers([case()], without=("last_order_ts", "segment_name"))
    address = put("uploads/customers.parquet", parquet_bytes(table))

    _, (found,) = assigned(pipeline, lake, address, segment_name=FREQUENT)

    assert found["problem"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("table", "request_", "message"),
    [
        (customers([case()], without=("country_code",)), {}, "column 'country_code' is missing"),
        (customers([case()], without=("segment_name",)), {}, "column 'segment_name' is missing"),
        (customers([case()], without=("last_order_ts",)), {}, "column 'last_order_ts' is missing"),
        (
            customers([case()], without=("last_order_ts",)),
            {"segment_name": RECENT},
            "column 'last_order_ts' is missing",
        ),
        (customers([case()], pa.array([1.5])), {}, "column 'customer_id' is of type double"),
        (customers([case()], pa.array([1], pa.uint64())), {}, "column 'customer_id' is of type uint64"),
    ],
)
def test_customers_of_a_wrong_schema_are_refused_by_column(
    served, put, pipeline: Pipeline, table: pa.Table, request_: dict[str, Any], message: str
):
    address = put("uploads/customers.parquet", parquet_bytes(table))

    with pytest.raises(errors.WrongSchema, match=message):
        pipeline.ingest("assign", {"mode": "assign", "customers": address} | request_)


def test_ids_that_are_integers_in_one_file_and_text_in_another_are_refused(served, put, pipeline: Pipeline):
    put("uploads/customers/1.parquet", parquet_bytes(customers([case()])))
    put("uploads/customers/2.parquet", parquet_bytes(customers([case()], pa.array(["a"]))))

    with pytest.raises(errors.WrongSchema, match="'customer_id' is an integer in some files and text in others"):
        pipeline.ingest("assign", {"mode": "assign", "customers": f"s3://{BUCKET}/uploads/customers/"})


def test_a_segmentation_that_the_model_has_not_is_refused(served, pipeline: Pipeline):
    with pytest.raises(
        errors.InvalidRequest, match="segment_name: expected one of the served model's .*, got 'loyalty'"
    ):
        pipeline.ingest("assign", {"mode": "assign", "customers": "s3://bucket/k", "segment_name": "loyalty"})


def test_without_a_model_there_are_no_amounts(put, pipeline: Pipeline):
    with pytest.raises(errors.NoModel):
        pipeline.ingest("assign", {"mode": "assign", "customers": "s3://bucket/k"})


def test_a_shard_without_a_result_fails_the_run(served, put, pipeline: Pipeline):
    address = put("uploads/customers.parquet", parquet_bytes(customers([case()])))
    request = {"mode": "assign", "customers": address}
    pipeline.ingest("assign", request)

    with pytest.raises(errors.ShardsIncomplete, match="1 of 1 shards have no result"):
        pipeline.sum_up("assign", request)


# Nobody of the history had 5 orders, and 12 days since the last order are in no segment.
WITHOUT_ANSWER = [
    case(),
    case(total_orders="5"),
    case(segment_name=RECENT, last_order_ts="2018-09-03"),
    case(segment_name=RECENT, last_order_ts=None, first_order_ts=None),
    case(country_code="Chile"),
    case(total_orders="many"),
]


def test_with_a_fallback_the_country_answers_where_segments_do_not(served, put, pipeline: Pipeline, lake: Lake):
    address = put("uploads/customers.parquet", parquet_bytes(customers(WITHOUT_ANSWER)))

    summary, (table,) = assigned(pipeline, lake, address, fallback="country", least_support=2)

    assert table["basis"].to_pylist() == ["segment", "country", "country", "country", None, None]
    assert table["segment"].to_pylist() == ["1-4", "5-13", None, None, None, None]
    assert table["voucher_amount"].to_pylist() == [2640.0] * 4 + [None] * 2
    assert table["problem"].to_pylist() == [None] * 4 + ["unknown_country", "invalid_request"]
    assert (summary["fallback"], summary["least_support"], summary["assigned"]) == ("country", 2, 4)


def test_a_country_with_less_than_the_least_support_is_a_problem(served, put, pipeline: Pipeline, lake: Lake):
    address = put("uploads/customers.parquet", parquet_bytes(customers(WITHOUT_ANSWER[:2])))

    summary, _ = assigned(pipeline, lake, address, fallback="country", least_support=5)

    assert summary["problems"] == {"no_support": 2}


def test_the_fallback_of_the_stage_is_that_of_runs_that_name_none(environment, put, lake: Lake):
    environment.setenv("FALLBACK", "country")
    environment.setenv("LEAST_SUPPORT", "4")
    pipeline = Pipeline(lake)
    rows = [{"total_orders": str(n)} for n in (1, 3, 3, 14)]
    pipeline.run("full", {"source": put("uploads/history.parquet", parquet_bytes(history(*rows)))}, STARTED)
    address = put("uploads/customers.parquet", parquet_bytes(customers([case()])))

    asked: list[dict[str, Any]] = [{}, {"least_support": 3}, {"fallback": "none"}]
    found = [assigned(pipeline, lake, address, **request)[1][0]["basis"].to_pylist() for request in asked]

    assert found == [["country"], ["segment"], ["segment"]]


@pytest.mark.parametrize("wrong", [{"fallback": "segment"}, {"least_support": 0}, {"least_support": "3"}], ids=str)
def test_a_fallback_that_cannot_be_used_is_named(served, pipeline: Pipeline, wrong: dict[str, Any]):
    (key,) = wrong

    with pytest.raises(errors.InvalidRequest, match=f"{key}: "):
        pipeline.ingest("assign", {"mode": "assign", "customers": "s3://bucket/k"} | wrong)


def test_a_run_tells_what_its_amounts_cost(put, pipeline: Pipeline, lake: Lake):
    rows = [{"total_orders": "3", "voucher_amount": 0.1}, *[{"total_orders": "14", "voucher_amount": 0.2}] * 2]
    pipeline.run("full", {"source": put("uploads/history.parquet", parquet_bytes(history(*rows)))}, STARTED)
    cases = [case(total_orders=orders) for orders in ["3"] * 700 + ["14"] * 900 + ["5"] * 200]
    address = put("uploads/customers.parquet", parquet_bytes(customers(cases), row_group_size=600))

    summary, _ = assigned(pipeline, lake, address, fallback="country")

    assert summary["shards"] > 1
    assert summary["cost"] == {
        "countries": [
            {
                "country_code": "Peru",
                "customers": 1_800,
                "by_segment": 1_600,
                "by_country": 200,
                "sum": 290.0,
                "country_amount": 0.2,
                "country_sum": 360.0,
            }
        ],
        "amounts": [
            cost("14-37", "segment", 0.2, 900, 180.0),
            cost("1-4", "segment", 0.1, 700, 70.0),
            cost("5-13", "country", 0.2, 200, 40.0),
        ],
        "all_countries": 1,
        "all_amounts": 3,
    }
    assert json.loads(lake.open(summary["cost_key"]).read()) == summary["cost"]


def cost(segment: str, basis: str, amount: float, customers: int, total: float) -> dict[str, Any]:
    where = {"country_code": "Peru", "segment_name": FREQUENT, "segment": segment, "basis": basis}
    return where | {"voucher_amount": amount, "customers": customers, "sum": total}


def test_a_model_of_an_older_version_has_no_sum_of_one_amount(served, put, pipeline: Pipeline, lake: Lake, catalog):
    forget_the_countries(catalog)
    address = put("uploads/customers.parquet", parquet_bytes(customers(WITHOUT_ANSWER)))

    summary, (table,) = assigned(pipeline, lake, address, fallback="country")

    (of_peru,) = summary["cost"]["countries"]
    assert (of_peru["customers"], of_peru["sum"], of_peru["country_sum"]) == (1, 2640.0, None)
    assert table["problem"].to_pylist()[:4] == [None, "no_support", "no_support", "no_support"]
