"""Items that something else has written or altered: they are named and left aside, and what is served stays served."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from tests.environment import TABLE
from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import SECOND, STARTED, Api, Pipeline
from tests.lookup_requests import SEED_REQUEST
from tests.moto_states import made_once
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.catalog_items import MODEL, VERSION
from voucher_selection.domain.errors import UnreadableItem

# What stands in the place of an attribute, in DynamoDB's types; None: it is gone.
ODD = (None, {"N": "-5"}, {"S": "odd"}, {"NULL": True}, {"BOOL": True}, {"L": []}, {"L": [{"S": "#"}]}, {"M": {}})


# One segment: moto takes longest to write all segments of a version into its answers, again and again.
SEGMENTS = {
    "segmentations": [
        {
            "name": "recency_segment",
            "measure": "days_since_last_order",
            "segments": [{"name": "121-180", "lower": 121, "upper": 180}],
            "outside": None,
        }
    ]
}


@pytest.fixture
def pipeline(environment: pytest.MonkeyPatch, lake) -> Pipeline:
    environment.setenv("SEGMENTS", json.dumps(SEGMENTS))
    return Pipeline(lake)


@pytest.fixture
@made_once
def versions(put, pipeline: Pipeline) -> list[str]:
    """Two versions, the second of them served, and a run that is clean and waits for its Model."""
    made = [
        pipeline.run(f"run-{n}", {"source": put_amount(put, n)}, STARTED + n * SECOND)["version"] for n in (2640, 3520)
    ]
    pipeline.clean(pipeline.ingest("next", {"source": put_amount(put, 4400)}, STARTED + 9000 * SECOND))
    return made


def put_amount(put, amount: int) -> str:
    return put(f"uploads/{amount}.parquet", parquet_bytes(history(*repeated(3, voucher_amount=float(amount)))))


class Tampering:
    """Puts something odd in the place of an attribute of an item, and everything back as it was."""

    def __init__(self, catalog: Catalog) -> None:
        self._client = catalog._client
        self._items = deepcopy(self._table.items)

    @property
    def _table(self) -> Any:
        """moto's own, which is another one after a transaction whose conditions did not hold."""
        return dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[TABLE]

    def items(self, pk: str, prefix: str) -> list[dict[str, Any]]:
        found = self._client.scan(TableName=TABLE)["Items"]
        return [item for item in found if item["pk"]["S"] == pk and item["sk"]["S"].startswith(prefix)]

    def each(self, item: dict[str, Any], ways: int = len(ODD)) -> Iterator[str]:
        """Alter an item in so many ways; each time, all else is as it was."""
        for name in item.keys() - {"pk", "sk"}:
            for odd in ODD[:ways]:
                self.restore()
                altered = {key: value for key, value in item.items() if key != name} | ({name: odd} if odd else {})
                self._client.put_item(TableName=TABLE, Item=altered)
                yield f"{item['pk']['S']} {item['sk']['S']} {name} {odd}"
        self.restore()

    def restore(self) -> None:
        self._table.items = deepcopy(self._items)


@pytest.fixture
def tampering(versions, catalog: Catalog) -> Tampering:
    return Tampering(catalog)


def all_items(tampering: Tampering, versions: list[str]) -> list[dict[str, Any]]:
    """Return the items about the model; of each version a segment's that has amounts; and the served country's."""
    segments = [tampering.items(f"{VERSION}{version}", "Peru#") for version in versions]
    with_amounts = [next(one for one in of if one["leading"]["S"] != "[]") for of in segments]
    country = [one for one in tampering.items(f"{VERSION}{versions[-1]}", "Peru") if "#" not in one["sk"]["S"]]
    return [*tampering.items(MODEL, ""), *with_amounts, *country]


def test_no_item_makes_a_lookup_fail_while_a_model_is_known(versions, tampering: Tampering, api: Api):
    right = api.lookup(**SEED_REQUEST)
    assert (right.status, right.json["voucher_amount"]) == (200, 3520.0)

    tried = 0
    for item in all_items(tampering, versions):
        for what in tampering.each(item):
            tried += 1
            # The environment asks again which model is served, with each lookup.
            assert api.lookup(**SEED_REQUEST).json == right.json, what
    assert tried > 200


def test_a_new_environment_serves_a_model_or_says_why_not(versions, tampering: Tampering, api: Api):
    amounts = set()
    for item in all_items(tampering, versions):
        for what in tampering.each(item):
            api.handler.models.__init__(api.handler.models._catalog, 0)  # as one that has just started
            answer = api.lookup(**SEED_REQUEST)
            assert answer.status in (200, 503), what
            amounts.add(answer.json.get("voucher_amount"))
    # The served version's, the version before where the served one cannot be read, or none without a pointer.
    assert amounts == {3520.0, 2640.0, None}


def test_no_item_stops_a_later_full_run(versions, tampering: Tampering, pipeline: Pipeline, catalog: Catalog):
    for item in tampering.items(MODEL, ""):
        for what in tampering.each(item, ways=3):
            summary = pipeline.model("next")

            assert summary["published"], what
            assert catalog.served_version() == summary["version"], what


def test_no_item_but_its_own_stops_a_rollback(versions, tampering: Tampering, pipeline: Pipeline, catalog: Catalog):
    request = {"mode": "rollback", "version": versions[0]}
    others = [item for item in tampering.items(MODEL, "") if versions[0] not in item["sk"]["S"]]
    for number, item in enumerate(others):
        for step, what in enumerate(tampering.each(item)):
            assert pipeline.sum_up(f"back-{number}-{step}", request)["version"] == versions[0], what
            assert catalog.served_version() == versions[0], what


def test_an_item_that_cannot_be_read_is_named_with_what_is_wrong(versions, tampering: Tampering, catalog: Catalog):
    (item,) = tampering.items(MODEL, f"{VERSION}{versions[0]}")
    catalog._client.put_item(TableName=TABLE, Item=item | {"cur_date": {"N": "5"}})

    with pytest.raises(
        UnreadableItem, match=rf"item MODEL / VERSION#{versions[0]} cannot be read: cur_date: expected a"
    ):
        catalog.version(versions[0])
    assert [version.version for version in catalog.versions()] == [versions[1]]


def test_items_left_aside_are_told_by_a_metric_and_in_the_log(versions, tampering, pipeline, catalog, capsys):
    (item,) = tampering.items(MODEL, f"{VERSION}{versions[0]}")
    catalog._client.put_item(TableName=TABLE, Item=item | {"cur_date": {"N": "5"}})
    capsys.readouterr()

    pipeline.model("next")

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert [line["ItemsLeftAside"] for line in lines if "ItemsLeftAside" in line] == [[1.0]]


def test_a_segment_that_is_of_no_definition_is_left_aside(versions, catalog: Catalog):
    served = catalog.read(versions[1])
    stray = {"pk": {"S": f"{VERSION}{versions[1]}"}, "sk": {"S": "Peru#recency_segment#999"}, "position": {"S": "x"}}

    catalog._client.put_item(TableName=TABLE, Item=stray)

    assert catalog.read(versions[1]) == served


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[1]", b'"text"', b"{", b'{"rows": 5, "mode": []}'])
def test_no_record_of_a_run_stops_the_pages_of_runs(version, api: Api, put, body: bytes):
    from voucher_selection.adapters.run_keys import RunKeys  # noqa: PLC0415
    from voucher_selection.adapters.run_records import RunRecords  # noqa: PLC0415

    put(RunKeys("run-1").summary, body)
    records = RunRecords("lake", api.handler.run_routes.run_records()._client)

    assert records.summary("run-1") in (None, {"rows": 5, "mode": []})
