"""Folders and objects of S3 as sources: what of them is read, what is told, and what is refused."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tests.customers import case
from tests.environment import BUCKET
from tests.histories import SCHEMA, history, parquet_bytes, repeated
from tests.integration.conftest import Pipeline, quarantine_of, read_json
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.sources import s3
from voucher_selection.adapters.sources.landed_files import Landing
from voucher_selection.domain import errors
from voucher_selection.domain.s3_addresses import parse_s3

UPLOADS = f"s3://{BUCKET}/uploads"
MODES: dict[str, Callable[[str], dict[str, Any]]] = {
    "full": lambda source: {"source": source},
    "append": lambda source: {"mode": "append", "source": source},
    "assign": lambda source: {"mode": "assign", "customers": source},
}


def without(*columns: str, rows: list[dict[str, Any]]) -> bytes:
    return parquet_bytes(history(*rows).drop_columns(list(columns)))


@pytest.fixture
def requests(pipeline: Pipeline) -> Iterator[Counter[str]]:
    """Count the requests to S3 of the pipeline's functions, by their names."""
    counted: Counter[str] = Counter()

    def count(model: Any, **_: Any) -> None:
        counted[model.name] += 1

    for lake in (pipeline._ingest.stores.lake, pipeline._clean.lake, pipeline._assign.stores.lake):
        lake.client.meta.events.register("before-call.s3", count)
    yield counted


# Tables of other formats


TABLES = {
    "delta": ("_delta_log/00000000000000000000.json", "a Delta table (it has _delta_log/)"),
    "hudi": (".hoodie/hoodie.properties", "a Hudi table (it has .hoodie/)"),
    "iceberg": ("metadata/v1.metadata.json", "an Iceberg table"),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("given", ["table/", "", "table/data/", "table/data/country_code=Peru/", "table"])
def test_a_table_of_another_format_is_refused_with_what_to_do(
    version: str, put, pipeline: Pipeline, lake: Lake, mode: str, table: str, given: str
):
    sign, title = TABLES[table]
    put(f"uploads/lakehouse/table/{sign}", b"{}")
    put("uploads/lakehouse/table/data/country_code=Peru/part-0.parquet", parquet_bytes(history({})))

    with pytest.raises(errors.TableFormat) as refusal:
        pipeline.ingest("bad", MODES[mode](f"{UPLOADS}/lakehouse/{given}"))

    root = f"{UPLOADS}/lakehouse/table"
    assert str(refusal.value).startswith(f"{root}/ is {title}")
    assert f'spark.read.format("{table}").load("{root}/").write.parquet("{root}-current/")' in str(refusal.value)
    assert list(lake.list("raw/run_id=bad/")) == []


def test_one_file_of_a_table_is_read_as_it_is_and_so_is_a_folder_beside_one(put, pipeline: Pipeline):
    put("uploads/table/_delta_log/0.json", b"{}")
    file = put("uploads/table/part-0.parquet", parquet_bytes(history({})))
    put("uploads/current/part-0.parquet", parquet_bytes(history({}, {})))

    assert pipeline.run("one", {"source": file})["rows"]["kept"] == 1
    assert pipeline.run("two", {"source": f"{UPLOADS}/current/"})["rows"]["kept"] == 2


# Partitions


def test_a_column_that_is_only_in_the_path_is_read_from_it(put, pipeline: Pipeline, lake: Lake):
    good = [{"voucher_amount": 2640.0}, {"total_orders": "2.5"}]
    for country in ("Peru", "C%C3%B4te%20d%27Ivoire", "__HIVE_DEFAULT_PARTITION__", "Chile"):
        put(f"uploads/hive/country_code={country}/part-0.parquet", without("country_code", rows=good))

    summary = pipeline.run("hive", {"source": f"{UPLOADS}/hive/", "countries": ["Peru", "Côte d'Ivoire"]})

    assert (summary["rows"]["kept"], summary["rows"]["other_country"]) == (2, 4)
    assert summary["rows"]["rejected"]["malformed"] == 2
    rejected = quarantine_of(lake, "hive").to_pylist()
    assert sorted((row["country_code"], row["total_orders"], row["row"]) for row in rejected) == [
        ("Côte d'Ivoire", "2.5", 1),
        ("Peru", "2.5", 1),
    ]


@pytest.mark.parametrize("source", ["", "country_code=Peru/", "country_code=Peru/part-0.parquet"])
def test_a_partition_s_own_folder_and_file_have_its_column(put, pipeline: Pipeline, source: str):
    put("uploads/hive/country_code=Peru/part-0.parquet", without("country_code", rows=[{}, {}]))

    assert pipeline.run("hive", {"source": f"{UPLOADS}/hive/{source}"})["rows"]["kept"] == 2


def test_a_file_s_own_column_counts_and_else_the_deepest_folder(put, pipeline: Pipeline):
    put("uploads/own/country_code=Chile/a.parquet", parquet_bytes(history({})))
    put("uploads/deep/country_code=Chile/x=1/country_code=Peru/a.parquet", without("country_code", rows=[{}]))

    assert pipeline.run("own", {"source": f"{UPLOADS}/own/"})["rows"]["kept"] == 1
    assert pipeline.run("deep", {"source": f"{UPLOADS}/deep/"})["rows"]["kept"] == 1


@pytest.mark.parametrize(
    ("column", "written", "value"),
    [
        ("timestamp", "2018-07-21 18%3A59%3A21", "2018-07-21 18:59:21"),
        ("last_order_ts", "2018-05-03", "2018-05-03"),
        ("first_order_ts", "__HIVE_DEFAULT_PARTITION__", None),
        ("total_orders", "3", "3"),
        ("voucher_amount", "2640.5", 2640.5),
    ],
)
def test_every_column_may_be_in_the_path(put, pipeline: Pipeline, catalog, column: str, written: str, value: Any):
    put(f"uploads/hive/{column}={written}/a.parquet", without(column, rows=[{}, {}]))
    text = SCHEMA if isinstance(value, float) else SCHEMA.set(SCHEMA.names.index(column), pa.field(column, pa.string()))
    same = put("uploads/same.parquet", parquet_bytes(history({column: value}, {column: value}, schema=text)))

    found = catalog.read(pipeline.run("hive", {"source": f"{UPLOADS}/hive/"})["version"])
    expected = catalog.read(pipeline.run("same", {"source": same})["version"])

    assert found.modes == expected.modes
    assert sum(mode.support for mode in found.modes) > 0


def test_a_value_of_a_path_that_is_none_of_its_column_is_malformed(put, pipeline: Pipeline, lake: Lake):
    put("uploads/hive/total_orders=many/a.parquet", without("total_orders", rows=[{}, {}]))
    put("uploads/hive/total_orders=3/a.parquet", without("total_orders", rows=[{}]))

    summary = pipeline.run("hive", {"source": f"{UPLOADS}/hive/"})

    assert (summary["rows"]["kept"], summary["rows"]["rejected"]["malformed"]) == (1, 2)
    assert {row["total_orders"] for row in quarantine_of(lake, "hive").to_pylist()} == {"many"}


def test_the_pages_of_another_country_s_partition_are_not_read(put, pipeline: Pipeline):
    damaged = bytearray(without("country_code", rows=[{}]))
    damaged[4:60] = b"\xff" * 56
    put("uploads/hive/country_code=Chile/a.parquet", bytes(damaged))
    put("uploads/hive/country_code=Peru/a.parquet", without("country_code", rows=[{}]))

    rows = pipeline.run("hive", {"source": f"{UPLOADS}/hive/"})["rows"]

    assert (rows["kept"], rows["other_country"]) == (1, 1)


def test_a_column_that_is_neither_in_the_file_nor_in_its_path_is_missing(put, pipeline: Pipeline):
    put("uploads/hive/country=Peru/a.parquet", without("country_code", rows=[{}]))

    with pytest.raises(errors.WrongSchema, match="column 'country_code' is missing"):
        pipeline.ingest("bad", {"source": f"{UPLOADS}/hive/"})


def test_customers_of_partitions_get_the_amounts_of_their_path(version: str, put, pipeline: Pipeline, lake: Lake):
    rows = pa.Table.from_pylist([{"customer_id": n} | case() for n in range(2)])
    put("uploads/customers/country_code=Peru/a.parquet", parquet_bytes(rows.drop_columns(["country_code"])))
    put("uploads/customers/country_code=Chile/a.parquet", parquet_bytes(rows.drop_columns(["country_code"])))

    pipeline.assign(pipeline.ingest("assign", {"mode": "assign", "customers": f"{UPLOADS}/customers/"}))

    answers = [
        row
        for key in lake.list("assigned/run_id=assign/vouchers/")
        for row in pq.read_table(pa.BufferReader(lake.open(key).read())).to_pylist()
    ]
    assert [(row["country_code"], row["voucher_amount"], row["problem"]) for row in answers] == [
        *[("Chile", None, "unknown_country")] * 2,
        *[("Peru", 2640.0, None)] * 2,
    ]


# What is left out


def test_objects_that_are_not_read_are_told_and_markers_are_not(put, pipeline: Pipeline, lake: Lake):
    put("uploads/days/a.parquet", parquet_bytes(history({})))
    put("uploads/days/_temporary/0/b.parquet", parquet_bytes(history({})))
    for n in range(25):
        put(f"uploads/days/notes/{n:02}.txt", b"x")
    for marker in ("_SUCCESS", ".a.parquet.crc", "notes/"):
        put(f"uploads/days/{marker}", b"")

    summary = pipeline.run("run-1", {"source": f"{UPLOADS}/days/"})

    assert summary["rows"]["rows_read"] == 1
    names = ["_temporary/0/b.parquet", *(f"notes/{n:02}.txt" for n in range(19))]
    assert summary["left_out"] == {"objects": 26, "names": names}
    assert read_json(lake, "runs/run_id=run-1/plan.json")["left_out"] == summary["left_out"]


def test_a_folder_of_nothing_else_leaves_nothing_out(put, pipeline: Pipeline):
    put("uploads/days/a.parquet", parquet_bytes(history({})))

    assert pipeline.run("run-1", {"source": f"{UPLOADS}/days"})["left_out"] == {"objects": 0, "names": []}


# Addresses


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "given", ["", "/", "/raw/", "/raw", "/runs/map/", "/production/x/y.parquet", "/staging/", "/assigned/"]
)
def test_what_runs_have_written_is_no_source(version: str, pipeline: Pipeline, mode: str, given: str):
    with pytest.raises(errors.SourceNotAllowed, match=r"where runs write \(raw/, runs/, .*: give an object"):
        pipeline.ingest("bad", MODES[mode](f"s3://{BUCKET}{given}"))


def test_the_whole_of_another_bucket_is_a_folder(put, pipeline: Pipeline, lake: Lake):
    lake.client.create_bucket(Bucket="histories")
    for key in ("raw/a.parquet", "b.parquet"):
        lake.client.put_object(Bucket="histories", Key=key, Body=parquet_bytes(history({})))

    assert pipeline.run("run-1", {"source": "s3a://histories"})["rows"]["kept"] == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("days/day", "near it there are s3://lake/uploads/days/day-1.parquet, s3://lake/uploads/days/day-2.parquet"),
        (
            "day",
            "the beginning of a name is not a folder); near it there are s3://lake/uploads/days/",
        ),
        ("days/dya-1.parquet", "near it there are s3://lake/uploads/days/day-1.parquet"),
        ("dasy/", "near it there are s3://lake/uploads/days/"),
        ("days/*.parquet", "a * is not expanded; give the folder s3://lake/uploads/days/"),
        ("nothing/like/it", "no object and no folder at s3://lake/uploads/nothing/like/it"),
    ],
)
def test_an_address_where_nothing_is_says_what_is_near(put, pipeline: Pipeline, given: str, said: str):
    for n in (1, 2):
        put(f"uploads/days/day-{n}.parquet", parquet_bytes(history({})))

    with pytest.raises(errors.SourceNotFound) as refusal:
        pipeline.ingest("bad", {"source": f"{UPLOADS}/{given}"})

    assert said in str(refusal.value)


def test_a_key_as_long_as_they_may_be_is_landed(put, pipeline: Pipeline):
    source = put("uploads/" + "k" * 1008 + ".parquet", parquet_bytes(history({})))

    assert pipeline.run("run-1", {"source": source})["rows"]["kept"] == 1


# Copies


def test_a_file_of_a_folder_takes_one_copy_and_a_read_by_ingest_and_by_clean(
    put, pipeline: Pipeline, requests: Counter[str]
):
    """It took two HEADs, a copy and a GET in Ingest, and a HEAD and a GET in Clean."""
    for n in range(20):
        put(f"uploads/small/{n}.parquet", parquet_bytes(history({})))

    planned = pipeline.ingest("small", {"source": f"{UPLOADS}/small/"})

    assert requests == {"CopyObject": 20, "GetObject": 20, "ListObjectsV2": 1 + 4, "PutObject": 2}
    requests.clear()
    pipeline.clean(planned)
    assert (requests["HeadObject"], requests["GetObject"]) == (0, 20)


def test_small_row_groups_of_a_large_file_are_asked_for_together(
    put, pipeline: Pipeline, requests: Counter[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("voucher_selection.pipeline.cleaning._SMALL_FILE_BYTES", 0)
    source = put("uploads/x.parquet", parquet_bytes(history(*[{}] * 200), row_group_size=1))
    planned = pipeline.ingest("run-1", {"source": source})
    requests.clear()

    pipeline.clean(planned)

    assert requests["GetObject"] < 50  # there are 1,200 chunks; of the last rows, each row group is read again


def test_large_objects_are_copied_in_parts_that_grow_with_the_source(
    put, lake: Lake, requests: Counter[str], pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
):
    """One of several parts, one of a single one, and a small one; parts have 5 MiB at least."""
    monkeypatch.setattr(s3, "_LEAST_PART_BYTES", 5 * 2**20)
    contents = {"a": bytes(12 * 2**20), "b": bytes(5 * 2**20 + 1), "c": b"c"}
    for name, content in contents.items():
        put(f"uploads/days/{name}.parquet", content)
    landing_lake = pipeline._ingest.stores.lake

    def land(run: str) -> Landing:
        return s3.land_from_s3(parse_s3(f"{UPLOADS}/days/"), landing_lake, RunKeys(run), frozenset())

    landed = land("one")

    assert [lake.open(file.key).size for file in landed.files] == [len(content) for content in contents.values()]
    assert [file.source for file in landed.files] == [f"{UPLOADS}/days/{name}.parquet" for name in contents]
    assert (requests["UploadPartCopy"], requests["CopyObject"]) == (3 + 2, 1)

    monkeypatch.setattr(s3, "COPIES_AT_ONCE", 2)
    land("two")

    assert (requests["UploadPartCopy"], requests["CopyObject"]) == (5 + 2, 1 + 2)


@pytest.mark.parametrize("least_part_bytes", [64 * 2**20, 1], ids=["in one request", "in parts"])
def test_an_object_that_is_replaced_before_it_is_copied_is_named(
    put, pipeline: Pipeline, lake: Lake, monkeypatch: pytest.MonkeyPatch, least_part_bytes: int
):
    source = put("uploads/days/a.parquet", parquet_bytes(history({})))
    found = lake.open("uploads/days/a.parquet").etag
    monkeypatch.setattr(s3, "_LEAST_PART_BYTES", least_part_bytes)

    def replace(params: dict[str, Any], **_: Any) -> None:
        put("uploads/days/a.parquet", parquet_bytes(history({}, {})))
        # As S3 does, and moto does not.
        if params["headers"].get("x-amz-copy-source-if-match") == found:
            error = {"Error": {"Code": "PreconditionFailed"}, "ResponseMetadata": {"HTTPStatusCode": 412}}
            raise ClientError(error, "CopyObject")

    for request in ("CopyObject", "UploadPartCopy"):
        pipeline._ingest.stores.lake.client.meta.events.register(f"before-call.s3.{request}", replace)

    with pytest.raises(errors.SourceChanged, match=f"{source} was replaced while it was copied: start the run again"):
        pipeline.ingest("run-1", {"source": f"{UPLOADS}/days/"})


def test_an_archived_object_is_named(put, pipeline: Pipeline, lake: Lake):
    content = parquet_bytes(history({}))
    lake.client.put_object(Bucket=BUCKET, Key="uploads/cold/a.parquet", Body=content, StorageClass="GLACIER")

    with pytest.raises(errors.SourceUnavailable, match="s3://lake/uploads/cold/a.parquet is archived"):
        pipeline.ingest("run-1", {"source": f"{UPLOADS}/cold/"})


# Damage


def test_a_damaged_page_is_named_by_what_was_given(version: str, put, pipeline: Pipeline):
    content = bytearray(parquet_bytes(history(*repeated(9)), compression="gzip"))
    content[4:60] = b"\xff" * 56
    put("uploads/days/sound.parquet", parquet_bytes(history({})))
    damaged = put("uploads/days/torn.parquet", bytes(content))

    planned = pipeline.ingest("bad", {"source": f"{UPLOADS}/days/"})
    with pytest.raises(errors.NotParquet, match=f"^{damaged} is damaged"):
        pipeline.clean(planned)


def test_a_damaged_page_of_customers_is_named_by_what_was_given(version: str, put, pipeline: Pipeline):
    content = bytearray(parquet_bytes(pa.Table.from_pylist([{"customer_id": 1} | case()] * 9), compression="gzip"))
    content[4:60] = b"\xff" * 56
    source = put("uploads/customers.parquet", bytes(content))

    planned = pipeline.ingest("bad", {"mode": "assign", "customers": source})
    with pytest.raises(errors.NotParquet, match=f"^{source} is damaged"):
        pipeline.assign(planned)


def test_a_copy_that_is_gone_is_named_by_what_was_given(put, pipeline: Pipeline, lake: Lake):
    source = put("uploads/x.parquet", parquet_bytes(history({})))
    planned = pipeline.ingest("run-1", {"source": source})
    lake.client.delete_object(Bucket=BUCKET, Key="raw/run_id=run-1/f/x.parquet")

    named = f"^{source}: its copy s3://lake/raw/run_id=run-1/f/x.parquet was removed"
    with pytest.raises(errors.SourceChanged, match=named):
        pipeline.clean(planned)
