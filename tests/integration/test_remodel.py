"""A model from counts that there are equals a full run's; a what-if changes nothing."""

import json
from datetime import UTC, date, datetime

import pytest

from tests.environment import BUCKET
from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import FOLDER, SECOND, STARTED, TWO, Pipeline, read_json
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.domain import errors
from voucher_selection.domain.segments import SegmentDefinitions


def test_a_remodel_equals_a_full_run_for_the_date(days, pipeline: Pipeline, catalog: Catalog):
    full = pipeline.run("full", {"source": FOLDER, "cur_date": "2018-08-01"}, STARTED)
    pipeline.run("other", {"source": FOLDER}, STARTED + SECOND)

    summary = pipeline.remodel("again", STARTED + 2 * SECOND, cur_date="2018-08-01")

    assert (summary["outcome"], summary["counts_run_id"], summary["cur_date"]) == (
        "published",
        "other",
        "2018-08-01",
    )
    assert catalog.served_version() == summary["version"]
    assert catalog.read(summary["version"]).modes == catalog.read(full["version"]).modes


def test_a_remodel_equals_a_full_run_with_the_segments(
    days, environment, lake: Lake, pipeline: Pipeline, catalog: Catalog
):
    pipeline.run("full", {"source": FOLDER}, STARTED)
    remodelled = pipeline.remodel("again", STARTED + SECOND, segments=TWO)
    environment.setenv("SEGMENTS", json.dumps(TWO))
    pipeline.reload()

    full = pipeline.run("own", {"source": FOLDER}, STARTED + 2 * SECOND)

    served = catalog.read(remodelled["version"])
    assert served.definitions == SegmentDefinitions.model_validate(TWO)
    assert served.modes == catalog.read(full["version"]).modes
    assert "production/run_id=again/segment_modes/segment_modes.parquet" in set(lake.list("production/run_id=again/"))


def test_a_remodel_keeps_what_it_does_not_name(days, pipeline: Pipeline, catalog: Catalog):
    pipeline.run("full", {"source": FOLDER, "countries": ["Latvia", "Peru"], "cur_date": "2018-08-01"}, STARTED)
    pipeline.remodel("segments", STARTED + SECOND, segments=TWO)

    summary = pipeline.remodel("daily", STARTED + 2 * SECOND)

    assert summary["counts_run_id"] == "full"
    model = catalog.read(summary["version"])
    assert (model.countries, model.definitions.names) == (("Latvia", "Peru"), ("loyalty",))
    assert model.cur_date == date(2018, 9, 15), "the deployment's"


def test_a_remodel_counts_to_the_day_of_its_start_where_no_date_is_set(days, environment, pipeline: Pipeline):
    pipeline.run("full", {"source": FOLDER}, STARTED)
    environment.setenv("CUR_DATE", "")
    pipeline.reload()

    summary = pipeline.remodel("daily", datetime(2026, 3, 1, 23, 30, tzinfo=UTC))

    assert summary["cur_date"] == "2026-03-01"


def test_a_remodel_takes_the_counts_of_the_run_named(days, pipeline: Pipeline, catalog: Catalog):
    first = pipeline.run("first", {"source": days[0]}, STARTED)
    pipeline.run("second", {"source": days[1]}, STARTED + SECOND)

    summary = pipeline.remodel("back", STARTED + 2 * SECOND, run_id="first")

    assert catalog.read(summary["version"]).modes == catalog.read(first["version"]).modes
    assert catalog.base().served.counts.run_id == "first"


def test_a_remodel_of_a_run_that_left_no_counts_is_refused(days, pipeline: Pipeline):
    pipeline.run("full", {"source": FOLDER}, STARTED)

    with pytest.raises(errors.NoCounts, match="run 'none' left no counts"):
        pipeline.remodel("again", STARTED + SECOND, run_id="none")


def test_a_remodel_before_the_first_run_says_that_there_are_no_counts(pipeline: Pipeline):
    with pytest.raises(errors.NoCounts, match="run the pipeline on a whole history first"):
        pipeline.remodel("daily", STARTED)


def test_a_scheduled_refresh_before_the_first_run_is_neither_held_back_nor_failed(pipeline: Pipeline):
    with pytest.raises(errors.NothingToRefresh, match="run the pipeline on a whole history first"):
        pipeline.remodel("daily", STARTED, scheduled=True)


def test_a_refresh_whose_window_has_slid_past_the_last_delivery_is_held_back(put, pipeline: Pipeline, catalog: Catalog):
    source = put("uploads/july.parquet", parquet_bytes(history(*repeated(3))))  # all of 21 July 2018
    served = pipeline.run("full", {"source": source, "window": {"last_days": 60}}, STARTED)["version"]

    pipeline.remodel("last", STARTED + SECOND, scheduled=True, cur_date="2018-09-18")
    with pytest.raises(errors.RefreshHeldBack, match="the last 60 days"):
        pipeline.remodel("night", STARTED + 2 * SECOND, scheduled=True, cur_date="2018-09-19")

    assert catalog.read(catalog.served_version()).cur_date == date(2018, 9, 18)
    assert catalog.served_version() > served


def test_a_remodel_of_bad_segments_is_refused(pipeline: Pipeline):
    inverted = {"name": "x", "lower": 3, "upper": 1}
    segments = {"segmentations": [TWO["segmentations"][0] | {"segments": [inverted]}]}

    with pytest.raises(errors.InvalidRequest, match="segment 'x' is inverted"):
        pipeline.remodel("again", STARTED, segments=segments)


def test_a_remodel_reads_no_history_and_no_shards(days, pipeline: Pipeline, lake: Lake):
    pipeline.run("full", {"source": FOLDER}, STARTED)
    for prefix in ("raw/", "staging/", "uploads/", "runs/"):
        for key in list(lake.list(prefix)):
            lake.client.delete_object(Bucket=BUCKET, Key=key)

    assert pipeline.remodel("again", STARTED + SECOND)["published"]


def test_a_remodel_repeated_publishes_once(days, pipeline: Pipeline, catalog: Catalog):
    pipeline.run("full", {"source": FOLDER}, STARTED)

    first, second = (pipeline.remodel("again", STARTED + SECOND) for _ in range(2))

    assert first["version"] == second["version"] == catalog.served_version()
    assert second["published"]


def test_a_remodel_that_is_older_than_what_is_served_changes_nothing(days, pipeline: Pipeline, catalog: Catalog):
    newer = pipeline.run("full", {"source": FOLDER}, STARTED + SECOND)

    summary = pipeline.remodel("late", STARTED)

    assert (summary["outcome"], summary["served_version"]) == ("superseded", newer["version"])
    assert catalog.served_version() == newer["version"]
    # Nor is it kept as a version that could be rolled back to.
    assert [version.version for version in catalog.versions()] == [newer["version"]]


def test_a_remodel_does_not_lose_history_that_is_appended_meanwhile(
    days, pipeline: Pipeline, catalog: Catalog, meanwhile
):
    pipeline.run("full", {"source": days[0]}, STARTED)
    pipeline.clean(pipeline.ingest("day", {"mode": "append", "source": days[1]}, STARTED + SECOND))
    meanwhile(lambda: pipeline.model("day"))

    summary = pipeline.remodel("again", STARTED + 2 * SECOND, cur_date="2018-08-01")

    assert (summary["outcome"], summary["counts_run_id"]) == ("published", "day")
    assert catalog.base().served.counts.run_id == "day"


def test_a_what_if_tells_the_modes_and_changes_nothing(days, pipeline: Pipeline, lake: Lake, catalog: Catalog):
    served = pipeline.run("full", {"source": FOLDER}, STARTED)["version"]
    items = len(catalog._client.scan(TableName="catalog")["Items"])

    summary = pipeline.remodel("ask", STARTED + SECOND, cur_date="2018-12-15", publish=False)

    assert (summary["outcome"], summary["published"], summary["served_version"]) == ("what_if", False, served)
    assert catalog.served_version() == served
    assert len(catalog._client.scan(TableName="catalog")["Items"]) == items
    assert set(lake.list("production/run_id=ask/")) == set()
    told = read_json(lake, summary["what_if_key"])
    published = pipeline.remodel("do", STARTED + 2 * SECOND, cur_date="2018-12-15")
    model = catalog.read(published["version"])
    assert [(row["segment"], row["voucher_amount"], row["support"]) for row in told["segments"]] == [
        (mode.segment, mode.voucher_amount, mode.support) for mode in model.modes
    ]


def test_a_what_if_names_the_segments_that_would_change(put, pipeline: Pipeline):
    rows = [
        *repeated(3, total_orders="3", voucher_amount=1.0),
        *repeated(2, total_orders="9", last_order_ts="2018-08-01", voucher_amount=2.0),
    ]
    pipeline.run("full", {"source": put("uploads/x.parquet", parquet_bytes(history(*rows)))}, STARTED)

    summary = pipeline.remodel("ask", STARTED + SECOND, cur_date="2018-10-01", publish=False)

    assert summary["changed_segments"] == len(summary["changes"])
    assert [
        (change["segment"], change["served_amount"], change["amount"], change["support"])
        for change in summary["changes"]
        if change["segment_name"] == "recency_segment"
    ] == [("30-60", 2.0, None, 0), ("61-90", None, 2.0, 2)]


def test_a_what_if_answers_within_what_a_state_may_return(put, pipeline: Pipeline):
    """A definition with very many segments: the answer points to the file that has them all."""
    rows = [{"total_orders": str(number), "voucher_amount": float(number)} for number in range(1, 2001)]
    pipeline.run("full", {"source": put("uploads/x.parquet", parquet_bytes(history(*rows)))}, STARTED)
    halves = [
        {
            "name": f"loyalty_{first}",
            "measure": "total_orders",
            "segments": [{"name": f"s{n}", "lower": n, "upper": n} for n in range(first, first + 1000)],
            "outside": None,
        }
        for first in (1, 1001)
    ]

    summary = pipeline.remodel("ask", STARTED + SECOND, segments={"segmentations": halves}, publish=False)

    assert summary["changed_segments"] > 2000
    assert len(json.dumps(summary)) < 64 * 1024
