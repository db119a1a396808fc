"""A model that could not be served is refused before anything of it is written, whatever run would make it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.concurrency.writers import V1, summary_of
from tests.histories import history, parquet_bytes
from tests.integration.conftest import SECOND, STARTED, TWO, Pipeline, ask_what_if
from tests.models import SHIPPED_SEGMENTS, model_of
from voucher_selection.adapters import servable
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain import errors
from voucher_selection.domain.model import AmountCount, SegmentMode
from voucher_selection.domain.segments import load_definitions, shipped_definitions
from voucher_selection.pipeline import remodelling

CLEAN_WITH_A_SMALL_DISK = """
import io, resource, signal
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from voucher_selection.domain.plans import Shard, ShardPart
from voucher_selection.domain.reading import Reading
from voucher_selection.pipeline.cleaning import clean_shard

rows = 100_000
content = io.BytesIO()
pq.write_table(pa.table({
    "timestamp": pa.array(np.random.default_rng(1).integers(0, 2**50, rows), pa.timestamp("us")),
    "country_code": ["Peru"] * rows, "last_order_ts": pa.nulls(rows, pa.string()),
    "first_order_ts": pa.nulls(rows, pa.string()), "total_orders": [3] * rows, "voucher_amount": [1.0] * rows,
}), content)

class File(io.BytesIO):
    size, etag = len(content.getvalue()), "x"

class Lake:
    def open(self, key, *_):
        return File(content.getvalue())

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))
part = ShardPart(key="x", etag="x", first_row_group=0, end_row_group=1, first_row=0, rows=rows)
clean_shard(Lake(), "run", Shard(number=0, parts=(part,)), Reading(("Peru",)), 10_000)
"""
TOO_MANY = (
    r"segment {} of \w+ in Peru has {} different voucher amounts, and the catalog holds at most \d+: .*voucher_amount"
)
ALL = {
    "segmentations": [
        {
            "name": "loyalty",
            "measure": "total_orders",
            "segments": [{"name": "all", "lower": 0, "upper": None}],
            "outside": None,
        }
    ]
}


@pytest.fixture
def by_orders(environment: pytest.MonkeyPatch) -> None:
    """One segmentation, so that its definition leaves room in a small item."""
    frequent = shipped_definitions()["frequent_segment"].model_dump(mode="json")
    environment.setenv("SEGMENTS", json.dumps({"segmentations": [frequent]}))


@pytest.fixture
def small_items(by_orders: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Items hold some 120 amounts: how many they really hold is tested with the sizes."""
    monkeypatch.setattr(servable, "LARGEST_ITEM", 1_200)


@pytest.fixture
def source(put):
    def put_amounts(name: str, amounts: Iterable[float], orders: str = "3") -> str:
        rows = [{"voucher_amount": amount, "total_orders": orders, "last_order_ts": ""} for amount in amounts]
        return put(f"uploads/{name}.parquet", parquet_bytes(history(*rows)))

    return put_amounts


def written(lake: Lake, run_id: str) -> list[str]:
    return [*lake.list(f"production/run_id={run_id}/")]


@pytest.mark.usefixtures("small_items")
def test_too_many_amounts_in_a_segment_end_a_run_before_it_writes(source, pipeline: Pipeline, lake, catalog):
    few, many = source("few", range(80)), source("many", range(60, 180))
    first = pipeline.run("first", {"source": few}, STARTED)

    with pytest.raises(errors.TooManyAmounts, match=TOO_MANY.format("1-4", 180)):
        pipeline.append("added", many, STARTED + SECOND)
    with pytest.raises(errors.TooManyAmounts, match=TOO_MANY.format("1-4", 240)):
        pipeline.run("whole", {"source": source("whole", range(240))}, STARTED + SECOND)

    assert (written(lake, "added"), written(lake, "whole")) == ([], [])
    assert [version.version for version in catalog.versions()] == [first["version"]]


@pytest.mark.usefixtures("small_items")
def test_too_many_amounts_for_other_segments_end_a_remodel_and_a_what_if(
    source, put, pipeline: Pipeline, lake, catalog
):
    rows = [
        {"voucher_amount": float(amount), "total_orders": "3" if amount < 80 else "9", "last_order_ts": ""}
        for amount in range(124)  # a country's item has room for one more than a segment's
    ]
    first = pipeline.run("first", {"source": put("uploads/x.parquet", parquet_bytes(history(*rows)))}, STARTED)
    refused = pytest.raises(errors.TooManyAmounts, match=TOO_MANY.format("all", 124))

    with refused:
        pipeline.remodel("again", STARTED + SECOND, segments=ALL)
    with refused:
        pipeline.remodel("asked", STARTED + SECOND, segments=ALL, publish=False)
    with refused:
        ask_what_if(segments=ALL)

    assert [*written(lake, "again"), *lake.list(RunKeys("asked").what_if)] == []
    assert pipeline.remodel("two", STARTED + SECOND, segments=TWO)["published"]
    assert catalog.versions()[-1].version == first["version"]


@pytest.mark.usefixtures("by_orders")
def test_an_approval_publishes_nothing_that_cannot_be_served(source, put, pipeline: Pipeline, lake, monkeypatch):
    request = {"source": source("many", range(240)), "gate": {"least_kept_rows": 1_000}}
    planned = pipeline.ingest("held", request, STARTED)
    pipeline.clean(planned)
    with pytest.raises(errors.HeldBack):
        pipeline.sum_up("held", request)
    record = {"started_at": STARTED.isoformat(), "error": "HeldBack", "request": request}
    put(RunKeys("held").summary, _json(record))
    monkeypatch.setattr(servable, "LARGEST_ITEM", 1_200)

    with pytest.raises(errors.TooManyAmounts, match=TOO_MANY.format("1-4", 240)):
        pipeline.sum_up("yes", {"mode": "approve", "run_id": "held"})

    assert written(lake, "held") == []


def test_a_model_of_more_segments_than_can_be_served_ends_a_run_before_it_writes(source, pipeline, lake, monkeypatch):
    monkeypatch.setattr(servable, "MOST_SEGMENTS", 17)

    segments = len(SHIPPED_SEGMENTS)

    with pytest.raises(errors.ModelTooLarge, match=f"2 countries x {segments} segments = {2 * segments}"):
        pipeline.run("run", {"source": source("x", [1.0]), "countries": ["Peru", "Latvia"]}, STARTED)

    assert written(lake, "run") == []


def test_a_what_if_that_lambda_could_not_answer_is_refused_and_a_remodel_writes_it(
    source, pipeline: Pipeline, lake: Lake, monkeypatch
):
    pipeline.run("run", {"source": source("x", [1.0])}, STARTED)
    monkeypatch.setattr(remodelling, "LARGEST_ANSWER", 1_000)
    refused = f"a what-if of at most 1,000 bytes, got .* with {len(SHIPPED_SEGMENTS)} segments and 0 changes"

    with pytest.raises(errors.ModelTooLarge, match=refused):
        ask_what_if()

    asked = pipeline.remodel("asked", STARTED + SECOND, publish=False)
    assert [*lake.list(RunKeys("asked").what_if)] == [asked["what_if_key"]]


def test_5000_countries_are_refused_with_their_number_before_anything_is_landed(source, pipeline, lake):
    countries = [f"Country {number}" for number in range(5_000)]

    with pytest.raises(errors.InvalidRequest, match="countries: expected at most 300 countries, got 5,000"):
        pipeline.ingest("run", {"source": source("x", [1.0]), "countries": countries})

    assert [*lake.list("raw/"), *lake.list("runs/")] == []


def test_as_many_amounts_as_a_segment_may_have_are_taken_by_dynamodb(catalog: Catalog):
    cents = tuple(AmountCount(1000 + cent / 100, 12) for cent in range(29_000))
    definitions = load_definitions(_json(ALL).decode())
    mode = SegmentMode("Peru", "loyalty", "all", 0, None, cents)
    model = model_of(mode, version=V1, definitions=definitions)
    servable.check_servable(model)

    assert catalog.publish(model, summary_of(V1)) is None
    assert catalog.with_all_amounts(catalog.read(V1), 0, 1) == [mode]


def _json(content: object) -> bytes:
    return json.dumps(content).encode()


def test_a_shard_that_does_not_fit_on_the_disk_is_named(tmp_path: Path):
    """In a process of its own that may write files of 64 KiB at most; its rows are no two alike, so they stay long."""
    program = tmp_path / "clean.py"
    program.write_text(CLEAN_WITH_A_SMALL_DISK)

    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, timeout=120, check=False, env=environment
    )

    assert "ShardTooLarge: the files written for shard 0 do not fit on the function's disk" in done.stderr
    assert "lower the stage's shard_target_rows, or for a history raise its clean_disk_mb" in done.stderr
