"""Every metric that the functions emit: its name, unit and dimensions, who emits it, and what it says.

They go to CloudWatch as lines of the log (EMF), in the stage's own namespace. Each has the dimension `service`, the
function that emits it. Metrics of an invocation share one line; one with a dimension of its own takes a line for each
value. The dashboard, the alarms and docs/runbook.md are checked against this list.
"""

from typing import NamedTuple

from aws_lambda_powertools.metrics import MetricUnit, single_metric

from voucher_selection.adapters.observability import metrics


class Metric(NamedTuple):
    """A metric: `service` is the function that emits it, `dimension` what tells its values apart besides."""

    name: str
    unit: MetricUnit
    service: str
    says: str
    dimension: str = ""


ROWS_LANDED = Metric("RowsLanded", MetricUnit.Count, "ingest", "rows of the run's source")
SHARDS_PLANNED = Metric("ShardsPlanned", MetricUnit.Count, "ingest", "shards that they were split into")

ROWS_READ = Metric("RowsRead", MetricUnit.Count, "clean", "rows of a shard")
ROWS_KEPT = Metric("RowsKept", MetricUnit.Count, "clean", "those that count")
ROWS_OTHER_COUNTRY = Metric("RowsOtherCountry", MetricUnit.Count, "clean", "those of other countries than the run's")
ROWS_REJECTED = Metric("RowsRejected", MetricUnit.Count, "clean", "those that break a rule")
ROWS_REJECTED_BY_RULE = Metric("RowsRejectedByRule", MetricUnit.Count, "clean", "the same, of each rule", "rule")

VOUCHERS_ASSIGNED = Metric("VouchersAssigned", MetricUnit.Count, "assign", "customers of a shard who got an amount")

MODELS_PUBLISHED = Metric("ModelsPublished", MetricUnit.Count, "model", "1 of a run whose model is served now, else 0")
MODELS_SUPERSEDED = Metric("ModelsSuperseded", MetricUnit.Count, "model", "1 of a run that a newer model was ahead of")
MODELS_HELD_BACK = Metric("ModelsHeldBack", MetricUnit.Count, "model", "1 of a run that the quality gate held back")
ITEMS_LEFT_ASIDE = Metric("ItemsLeftAside", MetricUnit.Count, "model", "versions of the catalog that cannot be read")
SHARDS_FAILED = Metric("ShardsFailed", MetricUnit.Count, "model", "shards of a run that left no result, 1 at least")

VOUCHERS_SELECTED = Metric("VouchersSelected", MetricUnit.Count, "api", "amounts that lookups were answered with")
LOOKUPS_REFUSED = Metric("LookupsRefused", MetricUnit.Count, "api", "lookups answered with a problem", "code")
MODEL_REFRESHES = Metric("ModelRefreshes", MetricUnit.Count, "api", "questions to the catalog which model is served")
MODEL_CACHE_HITS = Metric("ModelCacheHits", MetricUnit.Count, "api", "uses of the known model between two of them")
STALE_MODEL_SERVED = Metric("StaleModelServed", MetricUnit.Count, "api", "answers while the catalog gives no model")
ITEMS_UNREADABLE = Metric("ItemsUnreadable", MetricUnit.Count, "api", "questions answered with an item of another make")
MODEL_AGE = Metric("ModelAge", MetricUnit.Seconds, "api", "time since the served model was published")
CUR_DATE_AGE = Metric("CurDateAge", MetricUnit.Seconds, "api", "time since its CUR_DATE began (UTC)")

METRICS = tuple(metric for metric in globals().values() if isinstance(metric, Metric))


def emit(metric: Metric, value: float, of: str = "") -> None:
    """Add a value to the invocation's line of metrics, or write a line of its own.

    Parameters
    ----------
    of
        Whose value it is, where the metric has a dimension: the name of a rule, the code of a problem.
    """
    if not metric.dimension:
        metrics.add_metric(metric.name, metric.unit, value)
        return
    with single_metric(metric.name, metric.unit, value) as line:
        line.add_dimension(metric.dimension, of)
