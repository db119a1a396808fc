"""Rollback: an older version is served again, and a newer one again after it, without a run over any history."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.environment import BUCKET
from tests.histories import history, parquet_bytes
from tests.integration.conftest import SECOND, STARTED, Api, Pipeline, read_json
from tests.models import SHIPPED_SEGMENTS
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.errors import NoModel, NoVersion


@pytest.fixture
@made_once
def versions(put, pipeline: Pipeline) -> list[str]:
    """Three versions, the oldest first; their only amounts are 1, 2 and 3."""
    return [
        pipeline.run(f"run-{n}", {"source": put_amount(put, n)}, STARTED + n * SECOND)["version"] for n in (1, 2, 3)
    ]


def put_amount(put, amount: int) -> str:
    return put(f"uploads/{amount}.parquet", parquet_bytes(history({"voucher_amount": float(amount)})))


def roll_back(pipeline: Pipeline, run_id: str = "back", **request) -> dict:
    return pipeline.sum_up(run_id, {"mode": "rollback"} | request)


def served_amount(catalog: Catalog) -> float:
    return next(mode.voucher_amount for mode in catalog.read(catalog.served_version()).modes if mode.support)


def test_without_a_version_the_one_before_is_served_again(versions, pipeline: Pipeline, catalog: Catalog, lake: Lake):
    summary = roll_back(pipeline)

    assert (summary["outcome"], summary["published"]) == ("published", True)
    assert summary["served_version"] == summary["version"] == versions[1] == catalog.served_version()
    assert summary["previous_version"] == versions[2]
    assert served_amount(catalog) == 2
    assert read_json(lake, RunKeys("back").summary) == summary


def test_any_kept_version_is_served_again_and_then_a_newer_one(versions, pipeline: Pipeline, catalog: Catalog):
    roll_back(pipeline, "back", version=versions[0])
    assert served_amount(catalog) == 1

    roll_back(pipeline, "forward", version=versions[2])
    assert served_amount(catalog) == 3


def test_the_api_serves_what_was_rolled_back_to(versions, pipeline: Pipeline, api: Api):
    roll_back(pipeline)

    assert api("GET", "/health").json["model"]["version"] == versions[1]


def test_the_served_version_is_nothing_new(versions, pipeline: Pipeline, catalog: Catalog):
    summary = roll_back(pipeline, version=versions[2])

    assert (summary["outcome"], summary["published"]) == ("nothing_new", False)
    assert (summary["served_version"], summary["previous_version"]) == (versions[2], versions[1])


def test_a_repeated_rollback_does_not_go_back_and_forth(versions, pipeline: Pipeline, catalog: Catalog):
    first = roll_back(pipeline, "back")
    second = roll_back(pipeline, "back")

    assert (second["outcome"], second["version"]) == (first["outcome"], first["version"]) == ("published", versions[1])
    assert catalog.served_version() == versions[1]


def test_an_update_that_is_sent_twice_because_its_answer_was_lost_keeps_the_version_before(
    versions, pipeline: Pipeline, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    client = pipeline._model.stores.catalog._client
    write = client.transact_write_items

    def twice(**request):
        write(**request)
        return write(**request)

    monkeypatch.setattr(client, "transact_write_items", twice)

    summary = roll_back(pipeline)

    assert (summary["served_version"], summary["previous_version"]) == (versions[1], versions[2])
    assert catalog.pointer().previous_version == versions[2]


def test_a_version_that_is_not_kept_is_named_with_those_that_are(versions, pipeline: Pipeline, catalog: Catalog):
    with pytest.raises(NoVersion, match=f"'v0' is not kept; the kept versions are: {versions[2]}, {versions[1]}"):
        roll_back(pipeline, version="v0")

    assert catalog.served_version() == versions[2]


def test_a_version_that_expires_is_not_served_again(versions, put, pipeline: Pipeline):
    for n in (4, 5):  # three are kept
        pipeline.run(f"run-{n}", {"source": put_amount(put, n)}, STARTED + n * SECOND)

    with pytest.raises(NoVersion, match=versions[0]):
        roll_back(pipeline, version=versions[0])


def test_a_version_that_was_replaced_long_ago_expires(environment, versions, put, pipeline: Pipeline, catalog: Catalog):
    environment.setenv("KEPT_VERSIONS", "9")
    environment.setenv("VERSION_DAYS", "30")
    pipeline.reload()
    for version, days_ago in zip(versions, (400, 31, 29), strict=True):
        published = (datetime.now(UTC) - timedelta(days=days_ago)).isoformat()
        catalog._client.update_item(
            TableName="catalog",
            Key={"pk": {"S": "MODEL"}, "sk": {"S": f"VERSION#{version}"}},
            UpdateExpression="SET published_at = :published",
            ExpressionAttributeValues={":published": {"S": published}},
        )

    pipeline.run("run-4", {"source": put_amount(put, 4)}, STARTED + 4 * SECOND)

    assert [version.version for version in catalog.versions() if version.expires_at] == [versions[0]]
    with pytest.raises(NoVersion, match=f"'{versions[0]}' is not kept"):
        roll_back(pipeline, version=versions[0])


def test_a_version_of_which_items_are_missing_is_not_served_again(versions, pipeline: Pipeline, catalog: Catalog):
    item = next(item for item in catalog._whole(versions[0]) if "#" in item["sk"])
    catalog._client.delete_item(TableName="catalog", Key={"pk": {"S": item["pk"]}, "sk": {"S": item["sk"]}})

    with pytest.raises(NoVersion, match=f"only {len(SHIPPED_SEGMENTS) - 1} segments"):
        roll_back(pipeline, version=versions[0])


def test_there_is_nothing_before_the_first_version(put, pipeline: Pipeline):
    pipeline.run("run-1", {"source": put_amount(put, 1)})

    with pytest.raises(NoVersion, match="is the first version"):
        roll_back(pipeline)


def test_without_a_model_there_is_nothing_to_roll_back(pipeline: Pipeline):
    with pytest.raises(NoModel):
        roll_back(pipeline)


def test_a_late_run_older_than_the_newest_version_does_not_undo_a_rollback(versions, put, pipeline, catalog: Catalog):
    roll_back(pipeline, version=versions[0])

    late = pipeline.run("late", {"source": put_amount(put, 9)}, STARTED + 2.5 * SECOND)

    assert (late["outcome"], late["served_version"]) == ("superseded", versions[0])
    assert catalog.served_version() == versions[0]


def test_a_newer_run_is_served_after_a_rollback(versions, put, pipeline: Pipeline, catalog: Catalog):
    roll_back(pipeline, version=versions[0])

    newer = pipeline.run("newer", {"source": put_amount(put, 9)}, STARTED + 4 * SECOND)

    assert newer["published"]
    assert served_amount(catalog) == 9


def test_an_append_and_a_remodel_go_on_from_the_version_rolled_back_to(versions, put, pipeline, catalog: Catalog):
    roll_back(pipeline, version=versions[0])

    appended = pipeline.append("more", put_amount(put, 9), STARTED)
    remodelled = pipeline.remodel("remodel", STARTED + timedelta(days=1))

    assert appended["base_run_id"] == "run-1"
    assert remodelled["counts_run_id"] == "more"
    assert appended["version"] > versions[2]
    assert {a.voucher_amount for mode in catalog.read(catalog.served_version()).modes for a in mode.assignments} == {
        1.0,
        9.0,
    }


def test_the_version_before_the_served_one_stays_however_old(versions, put, pipeline: Pipeline, catalog: Catalog):
    roll_back(pipeline, version=versions[0])
    pipeline.run("run-4", {"source": put_amount(put, 4)}, STARTED + 4 * SECOND)

    oldest = catalog.versions()[3]  # three are kept
    assert (oldest.version, oldest.expires_at) == (versions[0], None)
    assert roll_back(pipeline)["version"] == versions[0]


def test_a_rollback_while_a_run_marks_the_version_as_expiring_keeps_it(
    versions, put, pipeline: Pipeline, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
):
    of_model = pipeline._model.stores.catalog
    versions_of, waiting = of_model._versions, [lambda: roll_back(pipeline, version=versions[0])]

    def versions_then_rollback():
        found = versions_of()
        if waiting:
            waiting.pop()()
        return found

    monkeypatch.setattr(of_model, "_versions", versions_then_rollback)
    pipeline.run("run-4", {"source": put_amount(put, 4)}, STARTED + 4 * SECOND)

    assert catalog.served_version() == versions[0]
    assert all(version.expires_at is None for version in catalog.versions() if version.version == versions[0])
    assert served_amount(catalog) == 1


@pytest.mark.parametrize("rolls_back", [False, True])
def test_a_pointer_from_before_there_were_rollbacks_is_understood(
    versions, put, pipeline: Pipeline, catalog: Catalog, rolls_back
):
    pointer = {"pk": {"S": "MODEL"}, "sk": {"S": "SERVED"}}
    catalog._client.update_item(TableName="catalog", Key=pointer, UpdateExpression="REMOVE newest_version")
    if rolls_back:
        roll_back(pipeline)

    late = pipeline.run("late", {"source": put_amount(put, 8)}, STARTED + 2.5 * SECOND)
    newer = pipeline.run("newer", {"source": put_amount(put, 9)}, STARTED + 4 * SECOND)

    assert (late["outcome"], newer["outcome"]) == ("superseded", "published")


def test_an_unknown_key_of_a_rollback_is_refused(versions, pipeline: Pipeline):
    with pytest.raises(Exception, match="known keys: mode, version"):
        roll_back(pipeline, to="v0")


def test_the_history_of_a_rollback_is_not_read(versions, pipeline: Pipeline, lake: Lake):
    lake.client.delete_object(Bucket=BUCKET, Key="uploads/2.parquet")

    assert roll_back(pipeline)["version"] == versions[1]
