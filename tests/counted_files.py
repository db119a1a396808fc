"""What a run counts of a source's files: Ingest, and the cleaning of every shard, with a lake in memory."""

from typing import Any, NamedTuple

from tests.environment import BUCKET
from tests.memory_runs import STARTED, StageSettings
from tests.memory_stores import memory_stores
from voucher_selection.adapters.parquet.columns import RowGroups
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.counts import Counts, RunningCounts
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.plans import HistoryPlan, Shard
from voucher_selection.domain.runs import Run
from voucher_selection.domain.totals import Totals
from voucher_selection.pipeline.counting import clean_batches
from voucher_selection.pipeline.ingesting import ingest

_BATCH_ROWS = 1_000


class Counted(NamedTuple):
    """The counts of a source, what became of its rows, and the plan."""

    counts: Counts
    totals: Totals
    plan: HistoryPlan


def counted(settings: StageSettings, files: dict[str, bytes], **request: Any) -> Counted:
    """Count the files of a folder, or the only file; their names may have folders.

    Raises
    ------
    VoucherSelectionError
        A run over the source would fail with it.
    """
    stores, run = memory_stores(), Run("run-1", STARTED)
    objects: dict[str, bytes] = stores.lake.client.objects  # type: ignore[attr-defined]
    objects.update({f"uploads/{name}": content for name, content in files.items()})
    source = f"s3://{BUCKET}/uploads/{next(iter(files)) if len(files) == 1 else ''}"
    plan = ingest(run, parse_request({"mode": "full", "source": source} | request), stores, settings.ingest)
    assert isinstance(plan, HistoryPlan)
    counts, totals = RunningCounts(), Totals()
    for shard in stores.lake.read_json(RunKeys(run.run_id).manifest, list[Shard]):
        for part in shard.parts:
            opened = stores.lake.open(part.key, part.etag, part.size, part.source)
            for batch in clean_batches(lambda opened=opened: opened, RowGroups.of(part), plan.reading, _BATCH_ROWS):
                counts.add(batch.cleaned.kept)
                totals = Totals.sum([totals, batch.totals])
    return Counted(counts.total(), totals, plan)
