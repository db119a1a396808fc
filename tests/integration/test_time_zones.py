"""A stage's time zone: what a day is, in a history, in the model that it makes, and in what is asked of that."""

import io
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.environment import BUCKET, TABLE
from tests.histories import SCHEMA, history, parquet_bytes, repeated
from tests.integration.conftest import FOLDER, SECOND, STARTED, Api, Pipeline
from tests.lake_reading import last_orders
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.errors import OtherTimeZone

INSTANTS = SCHEMA.set(2, pa.field("last_order_ts", pa.timestamp("us", "UTC")))
# Midnight in Riga, which is 21:00 of the day before in UTC.
MIDNIGHT = datetime(2018, 5, 17, 21, tzinfo=UTC)


@pytest.fixture
def in_zone(environment: pytest.MonkeyPatch, pipeline: Pipeline) -> Callable[[str], None]:
    """Deploy a time zone, and nothing else."""

    def deploy(time_zone: str, **variables: str) -> None:
        for name, value in {"TIME_ZONE": time_zone, **variables}.items():
            environment.setenv(name, value)
        pipeline.reload()

    return deploy


@pytest.fixture
def source(put) -> str:
    rows = [*repeated(3, last_order_ts=MIDNIGHT), {"last_order_ts": datetime(2018, 5, 18, 20, 59, 59, tzinfo=UTC)}]
    return put("uploads/days/one.parquet", parquet_bytes(history(*rows, schema=INSTANTS)))


@pytest.mark.parametrize(
    ("time_zone", "expected"),
    [
        ("UTC", {date(2018, 5, 17): 3, date(2018, 5, 18): 1}),
        ("Europe/Riga", {date(2018, 5, 18): 4}),
        ("America/Lima", {date(2018, 5, 17): 3, date(2018, 5, 18): 1}),
    ],
)
def test_instants_are_counted_on_the_day_that_the_zone_had(in_zone, pipeline, lake, source, time_zone, expected):
    in_zone(time_zone)

    summary = pipeline.run("run-1", {"source": source})

    assert last_orders(lake, "run-1") == expected
    assert summary["time_zone"] == time_zone


def test_cleaned_times_are_what_the_clocks_showed(in_zone, pipeline, lake, source):
    in_zone("Europe/Riga")

    pipeline.run("run-1", {"source": source})

    content = lake.client.get_object(Bucket=BUCKET, Key=RunKeys("run-1").cleaned(0))["Body"].read()
    found = pq.read_table(io.BytesIO(content))["last_order_ts"]
    assert found.to_pylist() == [*[datetime(2018, 5, 18)] * 3, datetime(2018, 5, 18, 23, 59, 59)]


@pytest.mark.parametrize(("time_zone", "day"), [("UTC", 1), ("Europe/Riga", 2), ("America/Lima", 1)])
def test_today_is_the_day_in_the_zone(in_zone, pipeline, source, time_zone, day):
    in_zone(time_zone, CUR_DATE="")
    late = datetime(2026, 1, 1, 22, 30, tzinfo=UTC)

    made = pipeline.run("run-1", {"source": source}, late)
    remade = pipeline.remodel("run-2", late + SECOND)

    assert (made["cur_date"], remade["cur_date"]) == (f"2026-01-0{day}", f"2026-01-0{day}")


def test_a_run_before_midnight_in_lima_is_of_the_day_that_ends_there(in_zone, pipeline, source):
    in_zone("America/Lima", CUR_DATE="")

    before_midnight = pipeline.run("run-1", {"source": source}, datetime(2026, 1, 2, 4, 59, tzinfo=UTC))

    assert before_midnight["cur_date"] == "2026-01-01"


@pytest.mark.parametrize(
    ("text", "segment"),
    [
        ("2018-05-17T21:00:00Z", "91-120"),  # in Riga on 18 May, 120 days before CUR_DATE
        ("2018-05-17T20:59:59Z", "121-180"),
        ("2018-05-17T16:00:00-05:00", "91-120"),
        ("2018-05-17 23:00:00", "121-180"),
        ("2018-05-18", "91-120"),
    ],
)
def test_one_customer_is_read_alike_in_each_lookup_in_assign_and_in_a_history(
    in_zone, pipeline, lake, put, api, text, segment
):
    in_zone("Europe/Riga")
    rows = [{"last_order_ts": "2018-05-18"}, {"last_order_ts": "2018-05-17"}]
    pipeline.run("run-1", {"source": put("uploads/history.parquet", parquet_bytes(history(*rows)))}, STARTED)
    asked = {"country_code": "Peru", "segment_name": "recency_segment", "last_order_ts": text}

    single = api.lookup(**asked).json["segment"]
    bulk = api("POST", "/vouchers", json.dumps({"customers": [asked]}), Content_Type="application/json").json
    form = api("POST", "/search_voucher", urlencode(asked), Content_Type="application/x-www-form-urlencoded").text
    assigned = _assigned(pipeline, lake, put, asked)
    counted = put("uploads/one.parquet", parquet_bytes(history({"last_order_ts": text})))
    pipeline.run("run-3", {"source": counted}, STARTED + 2 * SECOND)

    assert single == segment
    assert bulk["vouchers"][0]["segment"] == segment
    assert [other for other in ("91-120", "121-180") if other in form] == [segment]
    assert assigned == segment
    assert _with_support(api) == [segment]


def _assigned(pipeline: Pipeline, lake: Lake, put, fields: dict[str, str]) -> str:
    source = put(
        "uploads/customers.parquet",
        parquet_bytes(pa.Table.from_pylist([{"customer_id": 1, "total_orders": 3, **fields}])),
    )
    request = {"mode": "assign", "customers": source}
    pipeline.assign(pipeline.ingest("run-2", request, STARTED + SECOND))
    pipeline.sum_up("run-2", request)
    content = lake.client.get_object(Bucket=BUCKET, Key=RunKeys("run-2").vouchers(0))["Body"].read()
    (found,) = pq.read_table(io.BytesIO(content))["segment"].to_pylist()
    return str(found)


def _with_support(api: Api) -> list[str]:
    segments = api("GET", "/selection_criteria").json["segments"]
    return [s["segment"] for s in segments if s["segment_name"] == "recency_segment" and s["support"]]


def test_a_model_tells_its_time_zone_and_keeps_it_through_a_remodel(in_zone, pipeline, api, source):
    in_zone("Europe/Riga")
    pipeline.run("run-1", {"source": source}, STARTED)
    in_zone("UTC")

    remade = pipeline.remodel("run-2", STARTED + SECOND)
    named = pipeline.remodel("run-3", STARTED + 2 * SECOND, run_id="run-1")

    assert (remade["time_zone"], named["time_zone"]) == ("Europe/Riga", "Europe/Riga")
    assert api("GET", "/model").json["time_zone"] == "Europe/Riga"


def test_an_append_by_other_days_is_refused_and_adds_nothing(in_zone, pipeline, lake, source, put):
    in_zone("Europe/Riga")
    pipeline.run("run-1", {"source": source}, STARTED)
    put("uploads/days/two.parquet", parquet_bytes(history({})))
    in_zone("UTC")

    with pytest.raises(OtherTimeZone, match="of Europe/Riga, .* by days of UTC: run the whole history, or"):
        pipeline.append("run-2", FOLDER, STARTED + SECOND)
    in_zone("Europe/Riga")
    assert pipeline.append("run-3", FOLDER, STARTED + SECOND)["time_zone"] == "Europe/Riga"
    assert sum(last_orders(lake, "run-3").values()) == 5


def test_an_append_is_refused_when_the_counts_came_to_be_by_other_days_meanwhile(in_zone, pipeline, source, put):
    pipeline.run("run-1", {"source": source}, STARTED)
    put("uploads/days/two.parquet", parquet_bytes(history({})))
    planned = pipeline.ingest("run-2", {"mode": "append", "source": FOLDER}, STARTED + SECOND)
    pipeline.clean(planned)
    in_zone("Europe/Riga")
    pipeline.run("run-3", {"source": source}, STARTED + 2 * SECOND)

    with pytest.raises(OtherTimeZone, match="by days of Europe/Riga"):
        pipeline.model("run-2")


def test_what_was_published_before_there_were_time_zones_is_by_the_days_of_utc(pipeline, lake, catalog, api, source):
    version = pipeline.run("run-1", {"source": source}, STARTED)["version"]
    key = {"pk": {"S": "MODEL"}, "sk": {"S": f"VERSION#{version}"}}
    catalog._client.update_item(TableName=TABLE, Key=key, UpdateExpression="REMOVE time_zone")
    ledger = json.loads(lake.client.get_object(Bucket=BUCKET, Key=RunKeys("run-1").ledger)["Body"].read())
    assert ledger.pop("time_zone") == "UTC"
    lake.client.put_object(Bucket=BUCKET, Key=RunKeys("run-1").ledger, Body=json.dumps(ledger).encode())

    assert catalog.read(version).time_zone == "UTC"
    assert catalog.base().served.time_zone == "UTC"
    assert api("GET", "/model").json["time_zone"] == "UTC"
    assert pipeline.remodel("run-2", STARTED + SECOND, run_id="run-1")["time_zone"] == "UTC"


def test_a_function_with_a_time_zone_that_there_is_not_does_not_start(in_zone):
    with pytest.raises(RuntimeError, match="environment cannot be used: time_zone: expected a time zone of the IANA"):
        in_zone("Riga")
