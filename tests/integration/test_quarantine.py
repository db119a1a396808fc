"""The quarantine: rejected rows as one table for every run, and Model's count of them."""

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local.quickstart.proof.reference import RULES
from tests.environment import BUCKET
from tests.histories import GOOD_ROW, history, parquet_bytes, repeated
from tests.integration.conftest import Pipeline, quarantine_of, read_json
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain import errors

BROKEN = {name: rule.example for name, rule in RULES.items()}


@pytest.fixture
@made_once
def cleaned(put, pipeline: Pipeline) -> None:
    """A run whose shard is clean: three rows kept, two of another country, one rejected by each rule."""
    rows = [*repeated(3), {"country_code": "China"}, *BROKEN.values(), {"country_code": None}]
    source = put("uploads/history.parquet", parquet_bytes(history(*rows)))
    pipeline.clean(pipeline.ingest("run-1", {"source": source}))


@pytest.mark.usefixtures("cleaned")
def test_rejected_rows_are_in_the_folder_of_their_rule(lake: Lake):
    rows = quarantine_of(lake, "run-1").to_pylist()

    assert {row["rule"]: row["row"] for row in rows} == {rule: index for index, rule in enumerate(BROKEN, 4)}
    assert [row["total_orders"] for row in rows if row["rule"] in {"malformed", "null_total_orders"}] == ["2.5", " "]
    assert {row["file"] for row in rows} == {"raw/run_id=run-1/2/history.parquet"}
    assert [row["first_order_ts"] for row in rows if row["rule"] == "last_before_first"] == ["2018-06-01 00:00:00.000"]
    assert [row["voucher_amount"] for row in rows if row["rule"] == "null_voucher_amount"] == [None]


@pytest.mark.usefixtures("cleaned")
def test_what_was_kept_rejected_and_left_out_is_what_was_read(lake: Lake, pipeline: Pipeline):
    rows = pipeline.model("run-1")["rows"]

    quarantined = quarantine_of(lake, "run-1")["rule"].value_counts().to_pylist()
    kept = sum(pq.read_metadata(lake.open(key)).num_rows for key in lake.list("staging/run_id=run-1/cleaned/"))
    assert {found["values"]: found["counts"] for found in quarantined} == rows["rejected"]
    assert rows["rows_read"] == 5 + len(BROKEN) == len(quarantine_of(lake, "run-1")) + kept + rows["other_country"]


def test_a_value_of_any_type_is_quarantined_as_text_that_says_the_same(put, pipeline: Pipeline, lake: Lake):
    values = {
        "timestamp": pa.array([datetime(2018, 6, 1, 12, tzinfo=UTC)], pa.timestamp("ms", "Europe/Riga")),
        "country_code": pa.array(["Peru"]).dictionary_encode(),
        "last_order_ts": pa.array([17652], pa.date32()),
        "first_order_ts": pa.array([2**62], pa.timestamp("us")),
        "total_orders": pa.array([3.5], pa.float32()),
        "voucher_amount": pa.array([2640], pa.decimal128(9, 2)),
    }
    put("uploads/typed/text.parquet", parquet_bytes(history(GOOD_ROW, {"total_orders": "-1"})))
    put("uploads/typed/typed.parquet", parquet_bytes(pa.table(values)))

    pipeline.run("typed", {"source": f"s3://{BUCKET}/uploads/typed/"})

    rows = quarantine_of(lake, "typed").to_pylist()
    assert rows[1] == {
        "timestamp": "2018-06-01 12:00:00.000Z",
        "country_code": "Peru",
        "last_order_ts": "2018-05-01",
        "first_order_ts": "<value out of range: 4611686018427387904>",
        "total_orders": "3.5",
        "voucher_amount": "2640.00",
        "file": "raw/run_id=typed/4/typed.parquet",
        "row": 0,
        "rule": "malformed",
    }
    assert rows[0]["total_orders"] == "-1"


def test_a_run_without_rejected_rows_has_no_quarantine(put, pipeline: Pipeline, lake: Lake):
    summary = pipeline.run("clean", {"source": put("uploads/x.parquet", parquet_bytes(history({})))})

    assert summary["published"]
    assert list(lake.list("quarantine/")) == []


def lose(lake: Lake, key: str) -> None:
    lake.client.delete_object(Bucket=BUCKET, Key=key)


def cut(lake: Lake, key: str) -> None:
    lake.client.put_object(Bucket=BUCKET, Key=key, Body=b"PAR1")


def add(lake: Lake, key: str) -> None:
    lake.client.put_object(Bucket=BUCKET, Key=key.replace("00000", "00007"), Body=b"PAR1")


@pytest.mark.usefixtures("cleaned")
@pytest.mark.parametrize("damage", [lose, cut, add])
@pytest.mark.parametrize(
    "key",
    [
        "quarantine/run_id=run-1/rule=last_before_first/shard-00000.parquet",
        "staging/run_id=run-1/cleaned/shard-00000.parquet",
    ],
)
def test_nothing_is_published_unless_all_rows_are_where_they_belong(
    pipeline: Pipeline, lake: Lake, catalog: Catalog, damage, key: str
):
    assert key in {*lake.list("quarantine/"), *lake.list("staging/")}
    damage(lake, key)

    with pytest.raises(errors.ShardsIncomplete, match=r"1 objects differ from those that the shards wrote: .* bytes"):
        pipeline.model("run-1")

    with pytest.raises(errors.NoModel):
        catalog.served_version()


@pytest.mark.usefixtures("cleaned")
@pytest.mark.parametrize("rule", Rule)
def test_nothing_is_published_if_a_quarantined_row_is_missing(put, pipeline: Pipeline, lake: Lake, rule: Rule):
    key = "staging/run_id=run-1/totals/shard-00000.json"
    totals = read_json(lake, key)
    totals["quarantine"][rule]["rows"] -= 1
    put(key, json.dumps(totals).encode())

    with pytest.raises(errors.ShardsIncomplete, match=f"shard 0 has {5 + len(BROKEN)} rows, but its result is"):
        pipeline.model("run-1")
