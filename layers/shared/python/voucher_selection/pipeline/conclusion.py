"""The steps after the pointer has moved: write the run's record, and let old versions expire.

Moving the pointer ends a run. A later step that fails does not fail the run: the next run makes up for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from voucher_selection.adapters.catalog import Catalog
from voucher_selection.adapters.catalog_items import Pointer
from voucher_selection.adapters.emitted_metrics import emit
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.observability import logger
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.contract.metrics import ITEMS_LEFT_ASIDE
from voucher_selection.domain.errors import VoucherSelectionError
from voucher_selection.domain.retention import Retention
from voucher_selection.domain.summaries import HistorySummary, Outcome, RemodelSummary, RollbackSummary, Summary


def record(summary: Summary, lake: Lake) -> None:
    """Write a run's `run.json`."""
    with _made_up_for("the run's record was not written"):
        lake.write_json(RunKeys(summary.run_id).summary, summary)


def expire(catalog: Catalog, retention: Retention) -> None:
    """Let the versions expire that `retention` does not keep."""
    with _made_up_for("old versions were not marked as expiring"):
        emit(ITEMS_LEFT_ASIDE, catalog.expire(retention, datetime.now(UTC)))


def keep(catalog: Catalog) -> None:
    """Make sure that a version that is served again does not expire: a run may have marked it before."""
    with _made_up_for("the version that is served again may still be marked as expiring"):
        catalog.keep_in_use()


def superseded[Kind: (HistorySummary, RemodelSummary, RollbackSummary)](summary: Kind, stays: Pointer) -> Kind:
    """Return the summary of a run that did not move the pointer, because another run had moved it to `stays`."""
    became = {"outcome": Outcome.SUPERSEDED, "published": False, "served_version": stays.version}
    return summary.model_copy(update=became)


@contextmanager
def _made_up_for(what: str) -> Iterator[None]:
    try:
        yield
    except VoucherSelectionError:
        logger.exception(what)
