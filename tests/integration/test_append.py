"""Appended history counts as in a full run over all of it: none is lost, none is counted twice."""

import io
import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.environment import BUCKET
from tests.histories import history, parquet_bytes
from tests.integration.conftest import FOLDER, SECOND, STARTED, TWO, Pipeline, forget_the_ledger, read_json
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain import errors
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.totals import Totals


def counts_of(lake: Lake, run_id: str) -> pa.Table:
    key = RunKeys(run_id).merged_counts
    return pq.read_table(io.BytesIO(lake.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()))


def support(catalog: Catalog) -> int:
    """Return how many assignments are behind the frequency segments that are served."""
    model = catalog.read(catalog.served_version())
    return sum(mode.support for mode in model.modes if mode.segment_name == "frequent_segment")


def test_an_append_of_parts_equals_a_full_run_over_all(days, pipeline: Pipeline, lake: Lake, catalog: Catalog):
    whole = pipeline.run("whole", {"source": FOLDER}, STARTED)
    pipeline.run("first", {"source": days[0]}, STARTED + SECOND)

    pipeline.append("second", days[1], STARTED + 2 * SECOND)
    summary = pipeline.append("third", days[2], STARTED + 3 * SECOND)

    assert (summary["outcome"], summary["mode"], summary["base_run_id"]) == ("published", "append", "second")
    assert summary["rows"]["rows_read"] == 900
    assert counts_of(lake, "third") == counts_of(lake, "whole")
    assert catalog.read(summary["version"]).modes == catalog.read(whole["version"]).modes
    assert catalog.base().served.counts.run_id == "third"


def test_an_append_of_a_folder_counts_only_what_is_new_in_it(days, pipeline: Pipeline, lake: Lake):
    pipeline.run("whole", {"source": FOLDER}, STARTED)
    pipeline.run("first", {"source": days[0]}, STARTED + SECOND)

    summary = pipeline.append("rest", FOLDER, STARTED + 2 * SECOND)

    assert (summary["files"], summary["known_files"], summary["rows"]["rows_read"]) == (2, 1, 2300)
    assert counts_of(lake, "rest") == counts_of(lake, "whole")
    assert len(list(lake.list("raw/run_id=rest/"))) == 2


def test_the_ledger_names_every_object_with_the_run_that_counted_it(days, pipeline: Pipeline, lake: Lake):
    pipeline.run("first", {"source": days[0]}, STARTED)
    pipeline.append("second", days[1], STARTED + SECOND)

    ledger = read_json(lake, "production/run_id=second/ledger.json")

    assert (ledger["base_run_id"], ledger["countries"]) == ("first", ["Peru"])
    assert [(entry["source"], entry["run_id"]) for entry in ledger["entries"]] == [
        (days[0], "first"),
        (days[1], "second"),
    ]
    etag = lake.client.head_object(Bucket=BUCKET, Key="uploads/days/day-1.parquet")["ETag"].strip('"')
    assert ledger["entries"][1]["identity"] == f"{days[1]}#{etag}"


def test_other_countries_are_added_up_and_a_run_lists_its_own(put, pipeline: Pipeline, lake: Lake, catalog: Catalog):
    names = {"first": ["Peru", "CHILE", "Chile", "Chile"], "second": ["Peru", "chile", "Perú", None]}
    days = {"first": "2018-07-01", "second": "2018-07-02"}
    sources = {
        run: put(
            f"uploads/{run}.parquet",
            parquet_bytes(history(*({"country_code": name, "timestamp": days[run]} for name in found))),
        )
        for run, found in names.items()
    }

    first = pipeline.run("first", {"source": sources["first"]}, STARTED)
    second = pipeline.append("second", sources["second"], STARTED + SECOND)

    assert first["rows"]["other_countries"] == {"Chile": 3}
    assert second["rows"]["other_countries"] == {"Perú": 1, "chile": 1, "no country": 1}
    served = catalog.read(catalog.served_version()).counts.rows
    assert served and served.other_countries == {"Chile": 4, "Perú": 1, "no country": 1}
    assert second["assigned_on"]["months"] == {"2018-07": 1}
    assert read_json(lake, RunKeys("second").ledger)["rows"]["other_countries"] == served.other_countries


def test_an_append_of_a_known_object_publishes_nothing_and_succeeds(days, pipeline: Pipeline, catalog: Catalog):
    pipeline.run("full", {"source": FOLDER}, STARTED)
    before = support(catalog)

    summary = pipeline.append("again", days[0], STARTED + SECOND)

    assert (summary["outcome"], summary["published"], summary["known_files"]) == ("nothing_new", False, 1)
    assert summary["rows"]["rows_read"] == summary["shards"] == 0
    assert (catalog.base().served.counts.run_id, support(catalog)) == ("full", before)


def test_an_object_that_was_replaced_is_a_new_one(put, days, pipeline: Pipeline, catalog: Catalog):
    pipeline.run("full", {"source": put("uploads/x.parquet", parquet_bytes(history({})))}, STARTED)
    source = put("uploads/x.parquet", parquet_bytes(history({}, {})))

    pipeline.append("day", source, STARTED + SECOND)

    assert support(catalog) == 3


def test_an_append_keeps_the_segments_that_are_served(days, pipeline: Pipeline, catalog: Catalog):
    pipeline.run("full", {"source": days[0]}, STARTED)
    pipeline.remodel("segments", STARTED + SECOND, segments=TWO)

    summary = pipeline.append("day", days[1], STARTED + 2 * SECOND)

    assert summary["base_run_id"] == "full"
    assert catalog.read(summary["version"]).definitions.names == ("loyalty",)


def test_a_run_that_died_and_is_started_again_counts_once(
    days, pipeline: Pipeline, lake: Lake, catalog: Catalog, monkeypatch
):
    pipeline.run("whole", {"source": FOLDER}, STARTED)
    pipeline.run("first", {"source": days[0]}, STARTED + SECOND)
    pipeline.clean(pipeline.ingest("died", {"mode": "append", "source": FOLDER}, STARTED + 2 * SECOND))
    with monkeypatch.context() as broken:
        broken.setattr(pipeline._model.stores.catalog, "_serve", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pipeline.model("died")

    summary = pipeline.append("again", FOLDER, STARTED + 3 * SECOND)

    assert summary["base_run_id"] == "first"
    assert counts_of(lake, "again") == counts_of(lake, "whole")


def test_model_may_be_repeated_for_an_append(days, pipeline: Pipeline, lake: Lake, catalog: Catalog):
    pipeline.run("first", {"source": days[0]}, STARTED)
    first = pipeline.append("day", days[1], STARTED + SECOND)
    counted = counts_of(lake, "day")

    second = pipeline.model("day")

    volatile = {"finished_at"}
    assert {k: v for k, v in second.items() if k not in volatile} == {
        k: v for k, v in first.items() if k not in volatile
    }
    assert counts_of(lake, "day") == counted


def test_two_appends_at_once_are_both_counted(days, pipeline: Pipeline, lake: Lake, catalog: Catalog):
    pipeline.run("whole", {"source": FOLDER}, STARTED)
    pipeline.run("first", {"source": days[0]}, STARTED + SECOND)
    older = pipeline.ingest("older", {"mode": "append", "source": days[1]}, STARTED + 2 * SECOND)
    newer = pipeline.ingest("newer", {"mode": "append", "source": days[2]}, STARTED + 3 * SECOND)
    pipeline.clean(older)
    pipeline.clean(newer)

    before = pipeline.model("newer")
    after = pipeline.model("older")

    assert (before["base_run_id"], after["base_run_id"]) == ("first", "newer")
    assert after["published"]
    assert catalog.served_version() == after["version"] > before["version"]
    assert counts_of(lake, "older") == counts_of(lake, "whole")


def test_an_append_that_publishes_during_the_merge_is_merged_too(
    days, pipeline: Pipeline, lake: Lake, catalog: Catalog, meanwhile
):
    pipeline.run("whole", {"source": FOLDER}, STARTED)
    pipeline.run("first", {"source": days[0]}, STARTED + SECOND)
    for n in (1, 2):
        request = {"mode": "append", "source": days[n]}
        pipeline.clean(pipeline.ingest(f"day-{n}", request, STARTED + (1 + n) * SECOND))
    meanwhile(lambda: pipeline.model("day-2"))

    summary = pipeline.model("day-1")

    assert summary["base_run_id"] == "day-2"
    assert counts_of(lake, "day-1") == counts_of(lake, "whole")
    assert catalog.base().served.counts.run_id == "day-1"


def test_the_same_object_in_two_appends_at_once_counts_once(days, pipeline: Pipeline, catalog: Catalog):
    pipeline.run("first", {"source": days[0]}, STARTED)
    for name in ("a", "b"):
        pipeline.clean(pipeline.ingest(name, {"mode": "append", "source": days[1]}, STARTED + SECOND))
    pipeline.model("a")
    once = support(catalog)

    summary = pipeline.model("b")

    assert summary["outcome"] == "nothing_new"
    assert (catalog.base().served.counts.run_id, support(catalog)) == ("a", once)


def test_objects_of_which_another_run_has_counted_some_are_refused(
    days, pipeline: Pipeline, lake: Lake, catalog: Catalog
):
    pipeline.run("whole", {"source": FOLDER}, STARTED)
    pipeline.run("first", {"source": days[0]}, STARTED + SECOND)
    both = pipeline.ingest("both", {"mode": "append", "source": FOLDER}, STARTED + 2 * SECOND)
    pipeline.clean(both)
    pipeline.append("one", days[1], STARTED + 3 * SECOND)

    with pytest.raises(errors.AlreadyCounted, match=r"1 of the 2 objects .*day-1\.parquet.*start the append again"):
        pipeline.model("both")

    pipeline.append("both-again", FOLDER, STARTED + 4 * SECOND)
    assert counts_of(lake, "both-again") == counts_of(lake, "whole")


def test_a_catalog_that_never_rests_is_named(days, pipeline: Pipeline, monkeypatch):
    pipeline.run("first", {"source": days[0]}, STARTED)
    pipeline.clean(pipeline.ingest("day", {"mode": "append", "source": days[1]}, STARTED + SECOND))
    catalog = pipeline._model.stores.catalog
    read = catalog.base

    def of_another_version():
        base = read()
        return base._replace(served=replace(base.served, version="20200101T000000000Z-gone"))

    monkeypatch.setattr(catalog, "base", of_another_version)
    monkeypatch.setattr("voucher_selection.pipeline.attempts._LONGEST_PAUSE", 0)

    with pytest.raises(errors.CatalogContended, match="replaced 12 times"):
        pipeline.model("day")


def test_a_full_run_started_before_an_append_does_not_replace_it(days, pipeline: Pipeline, catalog: Catalog):
    pipeline.run("first", {"source": days[0]}, STARTED)
    slow = pipeline.ingest("slow", {"source": days[2]}, STARTED + SECOND)
    appended = pipeline.append("day", days[1], STARTED + 2 * SECOND)
    pipeline.clean(slow)

    assert not pipeline.model("slow")["published"]
    assert catalog.served_version() == appended["version"]


def test_an_append_without_counts_is_refused(days, pipeline: Pipeline):
    with pytest.raises(errors.NoCounts, match="run the pipeline on a whole history first"):
        pipeline.append("day", days[0])


@pytest.mark.parametrize("countries", [["Latvia"], ["Peru", "Latvia"]])
def test_an_append_for_other_countries_is_refused(days, pipeline: Pipeline, countries: list[str]):
    pipeline.run("first", {"source": days[0]}, STARTED)

    with pytest.raises(errors.OtherCountries, match="the counts are of Peru,.*leave out `countries`"):
        pipeline.append("day", days[1], countries=countries)


def test_the_countries_of_the_counts_may_be_named(days, pipeline: Pipeline):
    pipeline.run("first", {"source": days[0], "countries": ["Latvia", "Peru"]}, STARTED)

    summary = pipeline.append("day", days[1], STARTED + SECOND, countries=["Peru", "Latvia"])

    assert (summary["published"], summary["countries"]) == (True, ["Latvia", "Peru"])


def test_an_append_of_rows_that_do_not_count_publishes_nothing(put, days, pipeline: Pipeline, catalog: Catalog):
    pipeline.run("first", {"source": days[0]}, STARTED)
    source = put("uploads/chile.parquet", parquet_bytes(history({"country_code": "Chile"})))

    with pytest.raises(errors.NothingKept, match="none among the 1 rows"):
        pipeline.append("day", source)

    assert catalog.base().served.counts.run_id == "first"


def test_a_version_tells_what_became_of_all_rows_that_it_counts(days, pipeline: Pipeline, catalog: Catalog):
    first = pipeline.run("first", {"source": days[0]}, STARTED)
    second = pipeline.append("second", days[1], STARTED + SECOND)
    remodelled = pipeline.remodel("again", STARTED + 2 * SECOND)

    rows = [Totals.model_validate(summary["rows"]) for summary in (first, second)]
    assert [(version.counts.run_id, version.counts.rows) for version in catalog.versions()] == [
        ("second", Totals.sum(rows)),
        ("second", Totals.sum(rows)),
        ("first", rows[0]),
    ]
    assert catalog.version(remodelled["version"]).counts.rows.rows_read == 2_100


def test_an_append_to_counts_from_before_rows_were_written_down_does_not_invent_them(
    days, pipeline: Pipeline, lake: Lake, catalog: Catalog
):
    pipeline.run("first", {"source": days[0]}, STARTED)
    key = RunKeys("first").ledger
    lake.write_json(key, lake.read_json(key, Ledger).model_copy(update={"rows": None}))
    forget_the_ledger(catalog)

    appended = pipeline.append("second", days[1], STARTED + SECOND)

    counted = catalog.version(appended["version"]).counts
    assert (counted.run_id, counted.rows) == ("second", None)


@pytest.fixture
@made_once
def monday_and_tuesday(put, days, pipeline: Pipeline) -> list[str]:
    """Versions of the first day, and of the first day with Monday's; Tuesday's run is planned: it knows Monday's."""
    monday = put("uploads/week/monday.parquet", parquet_bytes(history({}, {}, {})))
    first = pipeline.run("first", {"source": days[0]}, STARTED)["version"]
    with_monday = pipeline.append("monday", monday, STARTED + SECOND)["version"]
    put("uploads/week/tuesday.parquet", parquet_bytes(history({}, {})))
    planned = pipeline.ingest("tuesday", WEEK, STARTED + 2 * SECOND)
    pipeline.clean(planned)
    return [first, with_monday]


WEEK = {"mode": "append", "source": f"s3://{BUCKET}/uploads/week/"}


def go_back(pipeline: Pipeline, version: str) -> None:
    pipeline.sum_up("back", {"mode": "rollback", "version": version})


def test_an_append_does_not_publish_without_what_it_left_out_as_known(monday_and_tuesday, pipeline, catalog: Catalog):
    go_back(pipeline, monday_and_tuesday[0])

    with pytest.raises(
        errors.NoLongerCounted, match=r"1 of the 2 objects of .*/week/ .*monday\.parquet.*start the app"
    ):
        pipeline.model("tuesday")

    assert catalog.served_version() == monday_and_tuesday[0]
    again = pipeline.append("again", WEEK["source"], STARTED + 9 * SECOND)
    assert (again["files"], again["known_files"], again["rows"]["rows_read"]) == (2, 0, 5)


def test_an_approval_does_not_publish_without_what_the_run_left_out_as_known(
    monday_and_tuesday, pipeline: Pipeline, lake: Lake, catalog: Catalog
):
    held = {"run_id": "tuesday", "request": WEEK, "started_at": STARTED.isoformat(), "error": "HeldBack"}
    lake.client.put_object(Bucket=BUCKET, Key=RunKeys("tuesday").summary, Body=json.dumps(held))
    go_back(pipeline, monday_and_tuesday[0])

    with pytest.raises(errors.NoLongerCounted, match=r"monday\.parquet"):
        pipeline.sum_up("yes", {"mode": "approve", "run_id": "tuesday"})

    assert catalog.served_version() == monday_and_tuesday[0]


def test_an_append_does_not_publish_without_what_a_full_run_has_left_behind(monday_and_tuesday, days, pipeline):
    pipeline.run("whole", {"source": days[1]}, STARTED + 9 * SECOND)

    with pytest.raises(errors.NoLongerCounted, match=r"monday\.parquet"):
        pipeline.model("tuesday")


@pytest.mark.parametrize(("overlap", "counted"), [("add", 5), ("replace", 2)])
def test_an_append_adds_to_counts_that_spell_its_country_differently_since_it_was_planned(
    put, pipeline: Pipeline, catalog: Catalog, overlap: str, counted: int
):
    source = put("uploads/day/a.parquet", parquet_bytes(history({}, {}, {})))
    pipeline.run("first", {"source": source}, STARTED)
    more = {
        "mode": "append",
        "source": put("uploads/day/b.parquet", parquet_bytes(history({}, {}))),
        "overlap": overlap,
    }
    pipeline.clean(pipeline.ingest("more", more, STARTED + SECOND))
    pipeline.run("louder", {"source": source, "countries": ["PERU"]}, STARTED + 2 * SECOND)

    summary = pipeline.model("more")

    model = catalog.read(summary["version"])
    assert (model.countries, summary["countries"]) == (("PERU",), ["PERU"])
    assert [(mode.country_code, mode.support) for mode in model.country_modes] == [("PERU", counted)]
    assert summary["counted_again"] == {"days": 1, "counted_rows": 3, "delivered_rows": 2}


def test_days_are_counted_already_however_the_counts_spell_their_country(put, pipeline: Pipeline):
    source = put("uploads/day/a.parquet", parquet_bytes(history({})))
    pipeline.run("first", {"source": source}, STARTED)
    more = {
        "mode": "append",
        "source": put("uploads/day/b.parquet", parquet_bytes(history({}, {}))),
        "overlap": "refuse",
    }
    pipeline.clean(pipeline.ingest("more", more, STARTED + SECOND))
    pipeline.run("louder", {"source": source, "countries": ["PERU"]}, STARTED + 2 * SECOND)

    with pytest.raises(errors.DeliveryOverlaps, match=r"PERU 2018-07-21 \(2 new, 1 counted\)"):
        pipeline.model("more")


def test_an_append_of_what_was_known_does_not_say_that_there_is_nothing_new_when_it_is_not_counted(
    monday_and_tuesday, pipeline: Pipeline
):
    monday = f"s3://{BUCKET}/uploads/week/monday.parquet"
    assert pipeline.ingest("again", {"mode": "append", "source": monday}, STARTED + 9 * SECOND)["shards"] == 0
    go_back(pipeline, monday_and_tuesday[0])

    with pytest.raises(errors.NoLongerCounted, match=r"1 of the 1 objects"):
        pipeline.model("again")


def test_an_append_that_was_planned_before_known_objects_were_written_down_is_refused(
    monday_and_tuesday, pipeline: Pipeline, lake: Lake
):
    plan = read_json(lake, RunKeys("tuesday").plan)
    del plan["known"]
    lake.client.put_object(Bucket=BUCKET, Key=RunKeys("tuesday").plan, Body=json.dumps(plan | {"known_files": 1}))

    with pytest.raises(errors.NoLongerCounted, match="an older version planned this run"):
        pipeline.model("tuesday")


def test_an_append_has_the_segments_that_are_served_when_it_is_added(monday_and_tuesday, pipeline, catalog: Catalog):
    pipeline.remodel("segments", STARTED + 3 * SECOND, segments=TWO)

    summary = pipeline.model("tuesday")

    assert catalog.read(summary["version"]).definitions.names == ("loyalty",)
