"""A run through the handlers: what it publishes, what it writes, and what it leaves alone when it fails."""

import io
import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.environment import BUCKET
from tests.histories import SCHEMA, history, parquet_bytes, repeated
from tests.integration.conftest import STARTED, Pipeline, quarantine_of, read_json
from tests.models import SHIPPED_SEGMENTS
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain import errors

ROWS = [
    *repeated(3, total_orders="3.0", voucher_amount=2640.0),
    *repeated(2, total_orders="4", voucher_amount=3520.0),
    *repeated(2, total_orders="5", last_order_ts="2018-08-16", voucher_amount=4400.0),
    {"country_code": "China"},
    {"total_orders": "2.5"},
    {"total_orders": "0.0"},
    {"first_order_ts": datetime(2018, 6, 1)},
    {"total_orders": ""},
    {"voucher_amount": None},
]


def keys(lake: Lake, prefix: str) -> list[str]:
    return list(lake.list(prefix))


def read_table(lake: Lake, key: str) -> pa.Table:
    return pq.read_table(io.BytesIO(lake.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()))


def test_a_run_publishes_the_modes_of_its_history(put, pipeline: Pipeline, catalog: Catalog):
    source = put("uploads/history.parquet", parquet_bytes(history(*ROWS)))

    summary = pipeline.run("run-1", {"source": source}, STARTED)

    assert summary["rows"] == {
        "rows_read": 13,
        "other_country": 1,
        "other_countries": {"China": 1},
        "rejected": dict.fromkeys(Rule, 0)
        | {
            "malformed": 1,
            "zero_orders_with_dates": 1,
            "last_before_first": 1,
            "null_total_orders": 1,
            "null_voucher_amount": 1,
        },
        "kept": 7,
        "replaced": 0,
        "amounts_rounded": 0,
    }
    assert summary["published"]
    assert summary["served_version"] == summary["version"] == "20260101T000000000Z-run-1" == catalog.served_version()
    model = catalog.read(summary["version"])
    found = {
        (mode.segment_name, mode.segment): (mode.voucher_amount, mode.support, mode.share)
        for mode in model.modes
        if mode.support and mode.segment_name in {"frequent_segment", "recency_segment"}
    }
    assert found == {
        ("frequent_segment", "1-4"): (2640.0, 5, 0.6),
        ("frequent_segment", "5-13"): (4400.0, 2, 1.0),
        ("recency_segment", "30-60"): (4400.0, 2, 1.0),
        ("recency_segment", "121-180"): (2640.0, 5, 0.6),
    }
    assert [(mode.segment_name, mode.segment) for mode in model.modes] == SHIPPED_SEGMENTS


def test_a_run_writes_every_stage_of_the_rows_to_the_lake(put, pipeline: Pipeline, lake: Lake):
    content = parquet_bytes(history(*ROWS))
    source = put("uploads/history.parquet.gzip", content)

    summary = pipeline.run("run-1", {"source": source}, STARTED)

    raw = lake.client.get_object(Bucket=BUCKET, Key="raw/run_id=run-1/8/history.parquet.gzip")["Body"].read()
    assert raw == content
    cleaned = read_table(lake, "staging/run_id=run-1/cleaned/shard-00000.parquet")
    assert cleaned.num_rows == 7
    assert cleaned["last_order_ts"][0].as_py() == datetime(2018, 5, 3)
    modes = read_table(lake, "production/run_id=run-1/segment_modes/segment_modes.parquet")
    first = modes.to_pylist()[0]
    assert first["assignments"] == [{"voucher_amount": 2640.0, "count": 3}, {"voucher_amount": 3520.0, "count": 2}]
    counts = read_table(lake, "production/run_id=run-1/counts/counts.parquet")
    by_orders = counts.filter(pc.equal(counts["measure"], "total_orders"))
    assert by_orders.to_pydict()["rows"] == [3, 2, 2]
    assert read_json(lake, "runs/run_id=run-1/run.json") == summary


def test_the_counts_do_not_depend_on_how_the_history_is_cut(put, pipeline: Pipeline, lake: Lake, catalog: Catalog):
    table = pa.concat_tables([history(*ROWS)] * 300)
    whole = put("uploads/whole.parquet", parquet_bytes(table))
    put("uploads/cut/a.parquet", parquet_bytes(table.slice(0, 1700), row_group_size=400))
    put("uploads/cut/deep/b.snappy.parquet", parquet_bytes(table.slice(1700), row_group_size=100))
    put("uploads/cut/_SUCCESS", b"")

    pipeline.run("whole", {"source": whole}, STARTED)
    summary = pipeline.run("cut", {"source": f"s3://{BUCKET}/uploads/cut"}, STARTED + timedelta(minutes=1))

    assert summary["shards"] > 3
    assert read_table(lake, "production/run_id=cut/counts/counts.parquet") == read_table(
        lake, "production/run_id=whole/counts/counts.parquet"
    )
    assert catalog.read(summary["version"]).modes == catalog.read("20260101T000000000Z-whole").modes
    quarantined = quarantine_of(lake, "cut").to_pylist()
    assert len(quarantined) == sum(summary["rows"]["rejected"].values())
    given = {
        "raw/run_id=cut/c/a.parquet": table.slice(0, 1700),
        "raw/run_id=cut/2/deep/b.snappy.parquet": table.slice(1700),
    }
    for row in quarantined:
        assert row["total_orders"] == given[row["file"]]["total_orders"][row["row"]].as_py()
    assert len({(row["file"], row["row"]) for row in quarantined}) == len(quarantined)


def test_files_of_one_history_may_differ_in_their_types(put, pipeline: Pipeline, lake: Lake):
    integers = SCHEMA.set(4, pa.field("total_orders", pa.int32())).set(2, pa.field("last_order_ts", pa.timestamp("us")))
    put("uploads/mixed/a.parquet", parquet_bytes(history({}, {"total_orders": "-1"})))
    last_order = datetime(2018, 5, 3)
    rows = ({"total_orders": 3, "last_order_ts": last_order}, {"total_orders": -1, "last_order_ts": last_order})
    put("uploads/mixed/b.parquet", parquet_bytes(history(*rows, schema=integers)))

    summary = pipeline.run("mixed", {"source": f"s3://{BUCKET}/uploads/mixed/"})

    assert (summary["rows"]["kept"], summary["rows"]["rejected"]["malformed"]) == (2, 2)
    quarantined = quarantine_of(lake, "mixed").to_pylist()
    assert [(row["total_orders"], row["last_order_ts"]) for row in quarantined] == [
        ("-1", "2018-05-03"),
        ("-1", "2018-05-03 00:00:00.000000"),
    ]


def test_cleaning_a_shard_again_writes_the_same_objects(put, pipeline: Pipeline, lake: Lake):
    source = put("uploads/history.parquet", parquet_bytes(history(*ROWS)))
    planned = pipeline.ingest("run-1", {"source": source})

    pipeline.clean(planned)
    first = {key: lake.client.head_object(Bucket=BUCKET, Key=key)["ETag"] for key in keys(lake, "staging/")}
    pipeline.clean(planned)

    run = RunKeys("run-1")
    assert first.keys() == {run.cleaned(0), run.counts(0), run.totals(0)}
    assert {key: lake.client.head_object(Bucket=BUCKET, Key=key)["ETag"] for key in keys(lake, "staging/")} == first


def test_a_request_may_name_countries_and_a_date(put, pipeline: Pipeline, catalog: Catalog):
    source = put("uploads/history.parquet", parquet_bytes(history(*ROWS)))

    summary = pipeline.run(
        "china", {"source": source, "countries": ["China", "Peru"], "cur_date": "2018-06-02"}, STARTED
    )

    model = catalog.read(summary["version"])
    assert (model.countries, model.cur_date.isoformat()) == (("China", "Peru"), "2018-06-02")
    assert model.mode_for("China", "frequent_segment", 3).support == 1
    assert model.mode_for("China", "recency_segment", 30).support == 1


def test_the_date_is_the_day_of_the_start_where_none_is_set(put, environment, pipeline: Pipeline):
    environment.setenv("CUR_DATE", "")
    pipeline.reload()
    source = put("uploads/history.parquet", parquet_bytes(history({})))

    summary = pipeline.run("today", {"source": source}, datetime(2026, 3, 1, 23, 30, tzinfo=UTC))

    assert summary["cur_date"] == "2026-03-01"


def test_a_deployment_may_bring_its_own_segments(put, environment, pipeline: Pipeline, catalog: Catalog):
    ranges = [{"name": "few", "lower": 0, "upper": 3}, {"name": "many", "lower": 4, "upper": None}]
    own = {"name": "loyalty", "measure": "total_orders", "segments": ranges, "outside": None}
    environment.setenv("SEGMENTS", json.dumps({"segmentations": [own]}))
    pipeline.reload()
    source = put("uploads/history.parquet", parquet_bytes(history(*ROWS)))

    summary = pipeline.run("own", {"source": source})

    modes = catalog.read(summary["version"]).modes
    assert [(mode.segment, mode.voucher_amount, mode.support) for mode in modes] == [
        ("few", 2640.0, 3),
        ("many", 3520.0, 4),  # as often as 4400: the smaller amount wins
    ]


def corrupt_footer() -> bytes:
    content = parquet_bytes(history({}))
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    return content[:footer] + b"\xff" * 12 + content[footer + 12 :]


def without(column: str) -> bytes:
    return parquet_bytes(history({}).drop_columns([column]))


def boolean_orders() -> bytes:
    schema = SCHEMA.set(4, pa.field("total_orders", pa.bool_()))
    return parquet_bytes(history({"total_orders": True}, schema=schema))


BAD_SOURCES = {
    "no object": (None, errors.SourceNotFound, "no object and no folder at s3://lake/uploads/bad.parquet"),
    "zero bytes": (b"", errors.EmptySource, "s3://lake/uploads/bad.parquet is empty: 0 bytes"),
    "no rows": (parquet_bytes(history()), errors.EmptySource, "holds no rows"),
    "not parquet": (b"Dear customers,\n", errors.NotParquet, "cannot be read as parquet"),
    "a CSV without columns": (
        b"country_code,total_orders\nPeru,3\n",
        errors.WrongSchema,
        "'voucher_amount' is missing",
    ),
    "a damaged footer": (corrupt_footer(), errors.NotParquet, "cannot be read as parquet"),
    "a missing column": (without("voucher_amount"), errors.WrongSchema, "column 'voucher_amount' is missing"),
    "a wrong type": (boolean_orders(), errors.WrongSchema, "column 'total_orders' is of type bool"),
}


@pytest.mark.parametrize("bad", BAD_SOURCES)
def test_a_source_that_cannot_be_used_fails_in_ingest_and_names_the_cause(
    put, pipeline: Pipeline, catalog: Catalog, bad: str
):
    content, error, message = BAD_SOURCES[bad]
    good = put("uploads/good.parquet", parquet_bytes(history({})))
    served = pipeline.run("good", {"source": good})["version"]
    if content is not None:
        put("uploads/bad.parquet", content)

    with pytest.raises(error, match=message.replace("(", r"\(")):
        pipeline.ingest("bad", {"source": f"s3://{BUCKET}/uploads/bad.parquet"})

    assert catalog.served_version() == served


def test_a_folder_without_parquet_is_refused(put, pipeline: Pipeline):
    put("uploads/docs/readme.txt", b"hello")

    with pytest.raises(errors.NoDataFiles, match="none of the 1 objects in s3://lake/uploads/docs/"):
        pipeline.ingest("bad", {"source": f"s3://{BUCKET}/uploads/docs/"})


def test_a_bucket_that_does_not_exist_is_named(pipeline: Pipeline):
    with pytest.raises(errors.SourceNotFound, match="s3://nowhere/x.parquet"):
        pipeline.ingest("bad", {"source": "s3://nowhere/x.parquet"})


BAD_REQUESTS = {
    "no source": ({}, "source: Field required"),
    "an unknown key": ({"source": "s3://bucket/k", "country": "Peru"}, "country: Extra inputs are not permitted"),
    "another scheme": ({"source": "http://host/x.parquet"}, "expected s3://bucket/key"),
    "no key": ({"source": "s3://"}, "expected s3://bucket/key"),
    "a bad date": ({"source": "s3://bucket/k", "cur_date": "2018-02-30"}, "cur_date: expected a date like 2018-09-15"),
    "a date in another form": ({"source": "s3://bucket/k", "cur_date": 20180915}, "cur_date: expected a date"),
    "no countries": ({"source": "s3://bucket/k", "countries": []}, "countries: expected at least one country"),
    "a country twice": ({"source": "s3://bucket/k", "countries": ["Peru", " PERU "]}, "each country once"),
    "a country with #": (
        {"source": "s3://bucket/k", "countries": ["Pe#ru"]},
        "countries.0: expected the name of a",
    ),
    "a blank country": ({"source": "s3://bucket/k", "countries": [" "]}, "countries.0: expected the name of a country"),
    "a country with NUL": (
        {"source": "s3://bucket/k", "countries": ["Pe\0ru"]},
        r"countries.0: expected the name of a",
    ),
    "a country with a surrogate": (
        {"source": "s3://bucket/k", "countries": ["\ud800"]},
        "countries.0: Input should be",
    ),
    "a source with NUL": (
        {"source": "s3://bucket/k\0"},
        r"source: expected text without control characters, got '\x00'",
    ),
    "a source with a surrogate": (
        {"source": "s3://bucket/\udc80"},
        "source: Input should be a valid string",
    ),
    "a source without an end": (
        {"source": "s3://bucket/" + "k" * 9_000},
        "source: String should have at most 8192",
    ),
    "a key that cannot be printed": ({"source": "s3://bucket/k", "a\0": 1}, r"a\x00: Extra inputs"),
    "more keys than are told": (dict.fromkeys(map(str, range(90)), 1), "and 41 more problems"),
    "countries as text": ({"source": "s3://bucket/k", "countries": "Peru"}, "countries: "),
    "no object": (["s3://bucket/k"], "valid dictionary"),
}


@pytest.mark.parametrize("bad", BAD_REQUESTS)
def test_a_request_that_cannot_be_used_names_its_fault(pipeline: Pipeline, bad: str):
    request, message = BAD_REQUESTS[bad]

    with pytest.raises(errors.InvalidRequest) as failure:
        pipeline.ingest("bad", request)

    assert message in str(failure.value)


def test_segments_that_cannot_be_used_fail_in_ingest(put, environment, pipeline: Pipeline):
    ranges = [{"name": "few", "lower": 0, "upper": 3}, {"name": "many", "lower": 3, "upper": None}]
    own = {"name": "loyalty", "measure": "total_orders", "segments": ranges, "outside": None}
    environment.setenv("SEGMENTS", json.dumps({"segmentations": [own]}))
    pipeline.reload()

    with pytest.raises(errors.InvalidSegments, match="'many' starts at 3, inside or before 'few'"):
        pipeline.ingest("bad", {"source": put("uploads/x.parquet", parquet_bytes(history({})))})


def test_nothing_is_published_while_a_shard_is_missing(put, pipeline: Pipeline, lake: Lake, catalog: Catalog):
    table = pa.concat_tables([history({})] * 3000)
    source = put("uploads/history.parquet", parquet_bytes(table, row_group_size=1000))
    pipeline.clean(pipeline.ingest("run-1", {"source": source}))
    lake.client.delete_object(Bucket=BUCKET, Key="staging/run_id=run-1/totals/shard-00001.json")
    cause = json.dumps({"errorMessage": "the page is damaged", "errorType": "NotParquet", "stackTrace": ["…"]})
    failure = {"shard": 1, "error": "NotParquet", "cause": cause}
    put("runs/run_id=run-1/failures/shard-1.json", json.dumps(failure).encode())

    with pytest.raises(errors.ShardsIncomplete) as refusal:
        pipeline.model("run-1")

    assert "1 of 3 shards have no result (shard 1)" in str(refusal.value)
    assert str(refusal.value).endswith("shard 1: NotParquet: the page is damaged")
    with pytest.raises(errors.NoModel):
        catalog.served_version()


def test_nothing_is_published_when_a_result_does_not_account_for_its_rows(put, pipeline: Pipeline, lake: Lake):
    source = put("uploads/history.parquet", parquet_bytes(history(*ROWS)))
    pipeline.clean(pipeline.ingest("run-1", {"source": source}))
    key = "staging/run_id=run-1/totals/shard-00000.json"
    put(key, json.dumps(read_json(lake, key) | {"kept": 6}).encode())

    with pytest.raises(errors.ShardsIncomplete, match="shard 0 has 13 rows, but its result is"):
        pipeline.model("run-1")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            {"country_code": "Perú"},
            r"expected rows of Peru, got none among the 1 rows of s3://lake/uploads/x.parquet, which are of Perú 1"
            r" \(did you mean Peru\?\): check `countries`",
        ),
        (
            {"total_orders": None},
            "cleaning rejected every row of Peru in s3://lake/uploads/x.parquet: 1 null_total_orders",
        ),
    ],
)
def test_a_history_without_rows_that_count_publishes_nothing(put, pipeline: Pipeline, row: dict, message: str):
    source = put("uploads/x.parquet", parquet_bytes(history(row)))

    with pytest.raises(errors.NothingKept, match=message):
        pipeline.run("run-1", {"source": source})


def test_a_damaged_page_fails_its_shard(put, pipeline: Pipeline):
    content = bytearray(parquet_bytes(history(*ROWS), compression="gzip"))
    content[4:60] = b"\xff" * 56
    planned = pipeline.ingest("run-1", {"source": put("uploads/x.parquet", bytes(content))})

    with pytest.raises(errors.NotParquet, match=f"^s3://{BUCKET}/uploads/x.parquet is damaged"):
        pipeline.clean(planned)


def test_an_older_run_that_finishes_late_does_not_overwrite_a_newer_one(put, pipeline: Pipeline, catalog: Catalog):
    source = put("uploads/x.parquet", parquet_bytes(history({})))
    newer = pipeline.run("newer", {"source": source}, STARTED + timedelta(seconds=1))

    older = pipeline.run("older", {"source": source}, STARTED)

    assert newer["published"]
    assert not older["published"]
    assert older["served_version"] == newer["version"] == catalog.served_version()


def test_model_may_be_repeated(put, pipeline: Pipeline, catalog: Catalog):
    source = put("uploads/x.parquet", parquet_bytes(history({})))
    pipeline.clean(pipeline.ingest("run-1", {"source": source}))

    first, second = pipeline.model("run-1"), pipeline.model("run-1")

    assert first["published"]
    assert second["published"]
    assert catalog.read(catalog.served_version()).run_id == "run-1"


def test_the_last_versions_stay_and_older_ones_expire(put, pipeline: Pipeline, catalog: Catalog):
    source = put("uploads/x.parquet", parquet_bytes(history({})))

    versions = [
        pipeline.run(f"run-{n}", {"source": source}, STARTED + timedelta(seconds=n))["version"] for n in range(5)
    ]

    items = catalog._client.scan(TableName="catalog")["Items"]
    expiring = {item["pk"]["S"] for item in items if "expires_at" in item and item["pk"]["S"] != "MODEL"}
    assert expiring == {f"VERSION#{version}" for version in versions[:2]}
    assert catalog.served_version() == versions[-1]


def test_a_country_is_matched_in_any_case_and_named_as_the_run_does(put, pipeline: Pipeline, catalog: Catalog):
    spellings = ["Peru", "peru", " PERU\u00a0", "Perú", None]
    source = put("uploads/x.parquet", parquet_bytes(history(*({"country_code": name} for name in spellings))))

    summary = pipeline.run("run-1", {"source": source, "countries": [" pErU "]})

    assert (summary["rows"]["kept"], summary["rows"]["other_country"]) == (3, 2)
    model = catalog.read(catalog.served_version())
    assert (model.countries, summary["countries"]) == (("pErU",), ["pErU"])
    assert {mode.country_code for mode in model.modes} == {"pErU"}
    assert sum(mode.support for mode in model.modes if mode.segment_name == "frequent_segment") == 3
    assert model.mode_for("PERU ", "frequent_segment", 3).country_code == "pErU"
