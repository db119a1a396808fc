"""Random sequences of runs against a small model of what has to come of them: the ledger always has the whole source.

Runs are planned and published at different times, held back, approved, repeated; in between objects arrive, other runs
publish, and versions are rolled back to.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from tests.environment import BUCKET, TABLE
from tests.histories import history, parquet_bytes, repeated
from tests.integration.conftest import SECOND, STARTED, Pipeline, read_json
from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.errors import AlreadyCounted, HeldBack, NoLongerCounted, NoVersion

FOLDER = f"s3://{BUCKET}/uploads/random/"
# What happens, and to which of the runs that there are.
WEIGHTS = {
    "arrives": 3,
    "full": 1,
    "plan a full run": 1,
    "plan": 5,
    "publish": 6,
    "hold back": 1,
    "approve": 1,
    "back": 3,
}
SEQUENCES, LENGTH = 8, 24

pytestmark = pytest.mark.usefixtures("two_segments")


@dataclass
class Planned:
    """A run that is clean: the objects that it counts, and those that it left out as known."""

    run_id: str
    mode: str
    version: str
    new: frozenset[str]
    known: frozenset[str]
    is_held: bool = False
    published: str | None = None


@dataclass
class Expected:
    """What has to be served: the objects behind every version, and where the pointer is."""

    objects: dict[str, frozenset[str]] = field(default_factory=dict)
    served: str | None = None
    previous: str | None = None
    newest: str = ""

    @property
    def base(self) -> frozenset[str]:
        return self.objects[self.served]

    def publish(self, version: str, objects: frozenset[str]) -> None:
        self.objects[version] = objects
        self.served, self.previous, self.newest = version, self.served, version


class Sequence:
    """One sequence of operations, each done for real and in the small model."""

    def __init__(self, pipeline: Pipeline, lake: Lake, catalog: Catalog, ends: Counter[str]) -> None:
        self.pipeline, self.lake, self.catalog, self.ends = pipeline, lake, catalog, ends
        self.expected, self.planned, self.source, self.moment = Expected(), [], {}, 0
        self._arrives()
        self._full()

    def perform(self, operation: str, which: int) -> None:
        of_runs = {"publish": self._publish, "hold back": self._hold_back, "approve": self._approve}
        if operation not in of_runs:
            getattr(self, "_" + operation.replace(" ", "_"))()
        elif self.planned:
            of_runs[operation](self.planned[-4:][which % len(self.planned[-4:])])
        self.check()

    def check(self) -> None:
        base = self.catalog.base()
        ledger = read_json(self.lake, RunKeys(base.served.counts.run_id).ledger)
        modes = self.catalog.read(base.version).modes
        counted = sum(mode.support for mode in modes if mode.segment_name == "loyalty")

        assert base.version == self.expected.served
        assert {entry["source"] for entry in ledger["entries"]} == self.expected.base
        assert counted == sum(self.source[name] for name in self.expected.base)

    def _arrives(self) -> None:
        number = len(self.source)
        rows = 2**number  # the sum tells which objects it is of
        key = f"uploads/random/{number}.parquet"
        self.lake.client.put_object(Bucket=BUCKET, Key=key, Body=parquet_bytes(history(*repeated(rows))))
        self.source[f"s3://{BUCKET}/{key}"] = rows

    def _full(self) -> None:
        self._plan_a_full_run()
        self._publish(self.planned[-1])

    def _plan_a_full_run(self) -> None:
        self._planned({"source": FOLDER}, frozenset())

    def _plan(self) -> None:
        self._planned({"mode": "append", "source": FOLDER}, self.expected.base & self.source.keys())

    def _planned(self, request: dict[str, Any], known: frozenset[str]) -> None:
        run_id, started = f"run-{len(self.planned)}", self._later()
        self.pipeline.clean(self.pipeline.ingest(run_id, request, started))
        version = f"{started:%Y%m%dT%H%M%S}000Z-{run_id}"
        new = frozenset(self.source) - known
        self.planned.append(Planned(run_id, request.get("mode", "full"), version, new, known))

    def _publish(self, run: Planned) -> None:
        with self._ending(run) as outcome:
            outcome.update(self.pipeline.model(run.run_id))

    def _hold_back(self, run: Planned) -> None:
        request = {"mode": run.mode, "source": FOLDER, "gate": {"least_kept_rows": 10**9}}
        request |= {"overlap": "add"} if run.mode == "append" else {}
        if run.published or run.is_held or (run.mode == "append" and self._refusal(run)) or not run.new - run.known:
            return
        if run.mode == "append" and run.new <= self.expected.base:
            return
        with pytest.raises(HeldBack):
            self.pipeline.sum_up(run.run_id, request)
        body = {"run_id": run.run_id, "request": request, "started_at": STARTED.isoformat(), "error": "HeldBack"}
        self.lake.client.put_object(Bucket=BUCKET, Key=RunKeys(run.run_id).summary, Body=json.dumps(body))
        run.is_held = True

    def _approve(self, run: Planned) -> None:
        if run.is_held:
            with self._ending(run) as outcome:
                approval = {"mode": "approve", "run_id": run.run_id}
                outcome.update(self.pipeline.sum_up(f"yes-{self._later():%H%M%S}", approval))
            run.is_held = False

    def _back(self) -> None:
        request, run_id = {"mode": "rollback"}, f"back-{self._later():%H%M%S}"
        if self.expected.previous is None:
            with pytest.raises(NoVersion):
                self.pipeline.sum_up(run_id, request)
            return
        self.pipeline.sum_up(run_id, request)
        self.expected.served, self.expected.previous = self.expected.previous, self.expected.served

    @contextmanager
    def _ending(self, run: Planned) -> Iterator[dict[str, Any]]:
        """Do what publishes a run, and compare how it ended with how it has to."""
        summary: dict[str, Any] = {}
        if refusal := self._refusal(run):
            self.ends[refusal.__name__] += 1
            with pytest.raises(refusal):
                yield summary
            return
        yield summary
        self.ends["repeated" if run.published else summary["outcome"]] += 1
        if run.published:
            assert (summary["published"], summary["version"]) == (True, run.published)
        elif run.mode == "append" and run.new <= self.expected.base:
            assert summary["outcome"] == "nothing_new"
        elif run.mode == "append":
            run.published = summary["version"]
            assert summary["published"]
            self.expected.publish(summary["version"], self.expected.base | run.new)
        elif run.version > self.expected.newest:
            run.published = run.version
            assert (summary["published"], summary["version"]) == (True, run.version)
            self.expected.publish(run.version, run.new)
        else:
            assert summary["outcome"] == "superseded"

    def _refusal(self, run: Planned) -> type[Exception] | None:
        """Which error an append has to end with, if it is not published yet."""
        if run.published or run.mode == "full":
            return None
        if not run.known <= self.expected.base:
            return NoLongerCounted
        return AlreadyCounted if run.new & self.expected.base and not run.new <= self.expected.base else None

    def _later(self) -> Any:
        self.moment += 1
        return STARTED + self.moment * SECOND


def test_what_is_served_has_the_whole_source_of_whatever_published(pipeline: Pipeline, lake: Lake, catalog: Catalog):
    ends: Counter[str] = Counter()
    for seed in range(SEQUENCES):
        draw = Random(seed)
        for key in list(lake.list("")):
            lake.client.delete_object(Bucket=BUCKET, Key=key)
        dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[TABLE].items.clear()
        sequence = Sequence(pipeline, lake, catalog, ends)
        for operation in draw.choices([*WEIGHTS], [*WEIGHTS.values()], k=LENGTH):
            sequence.perform(operation, draw.randrange(4))

    assert ends.keys() == {"published", "superseded", "nothing_new", "NoLongerCounted", "AlreadyCounted", "repeated"}
