"""Runs over histories with a lake and a catalog in memory: Ingest, Clean and Model, as the state machine does."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self

import pytest

from tests.environment import BUCKET, function_environment
from tests.memory_stores import memory_stores
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.settings import IngestSettings, ModelSettings
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.ledger import Ledger
from voucher_selection.domain.plans import HistoryPlan, Shard
from voucher_selection.domain.runs import Run
from voucher_selection.domain.summaries import PointerSummary
from voucher_selection.pipeline.assigning import assign_shard
from voucher_selection.pipeline.cleaning import clean_shard
from voucher_selection.pipeline.ingesting import ingest
from voucher_selection.pipeline.publishing import publish_run

STARTED = datetime(2026, 1, 1, tzinfo=UTC)


class StageSettings(NamedTuple):
    """The settings of the functions that a run over a history goes through."""

    ingest: IngestSettings
    model: ModelSettings

    @classmethod
    @contextmanager
    def of(cls, segments: str = "", **settings: Any) -> Iterator[Self]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (function_environment(**settings) | {"SEGMENTS": segments}).items():
                patch.setenv(name, value)
            yield cls(IngestSettings.from_environment(), ModelSettings.from_environment())


class Deployment:
    """A deployment in memory, and the runs over it, one after the other."""

    def __init__(self, settings: StageSettings) -> None:
        self.settings = settings
        self.stores = memory_stores()
        self.runs = 0

    @property
    def objects(self) -> dict[str, bytes]:
        """The objects of the bucket."""
        found: dict[str, bytes] = self.stores.lake.client.objects  # type: ignore[attr-defined]
        return found

    def run(self, key: str, **request: Any) -> tuple[HistoryPlan, PointerSummary]:
        """Run over an object, or a folder, of the bucket."""
        self.runs += 1
        run = Run(f"run-{self.runs}", STARTED + timedelta(seconds=self.runs))
        asked = parse_request({"mode": "full", "source": f"s3://{BUCKET}/{key}"} | request)
        plan = ingest(run, asked, self.stores, self.settings.ingest)
        for shard in self.stores.lake.read_json(RunKeys(run.run_id).manifest, list[Shard]):
            clean_shard(self.stores.lake, run.run_id, shard, plan.reading, 50_000)
        return plan, publish_run(run, asked, self.stores, self.settings.model)

    def assign(self, key: str, **request: Any) -> str:
        """Give the customers of an object their amounts; return the run's id."""
        self.runs += 1
        run = Run(f"run-{self.runs}", STARTED + timedelta(seconds=self.runs))
        asked = parse_request({"mode": "assign", "customers": f"s3://{BUCKET}/{key}"} | request)
        ingest(run, asked, self.stores, self.settings.ingest)
        for shard in self.stores.lake.read_json(RunKeys(run.run_id).manifest, list[Shard]):
            assign_shard(run.run_id, shard, self.stores, 50_000)
        return run.run_id

    def served(self) -> tuple[Counts, Ledger]:
        """Return the counts behind the served model, and their ledger."""
        keys = RunKeys(self.stores.catalog.base().served.counts.run_id)
        ledger = self.stores.lake.read_json(keys.ledger, Ledger)
        return self.stores.lake.read_counts(keys.merged_counts, ledger.counts), ledger
