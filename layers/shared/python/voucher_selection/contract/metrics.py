"""Every metric that the functions emit: its name, unit and dimensions, who emits it, and what it says.

They go to CloudWatch as lines of the log (EMF), in the stage's own namespace. Each has the dimension `service`: the
function that emits it. Metrics of one invocation share a line. A metric with a dimension of its own takes a line for
each value. The stack makes its dashboard and alarms from this list.
"""

from typing import Literal, NamedTuple

from voucher_selection.contract.functions import API, ASSIGN, CLEAN, INGEST, MODEL, WATCH


class Metric(NamedTuple):
    """A metric: `service` is the function that emits it, `dimension` distinguishes its values further."""

    name: str
    unit: Literal["Count", "Seconds"]
    service: str
    says: str
    dimension: str = ""


ROWS_LANDED = Metric("RowsLanded", "Count", INGEST, "rows of the run's source")
SHARDS_PLANNED = Metric("ShardsPlanned", "Count", INGEST, "shards that they were split into")

ROWS_READ = Metric("RowsRead", "Count", CLEAN, "rows of a shard")
ROWS_KEPT = Metric("RowsKept", "Count", CLEAN, "those that count")
ROWS_OTHER_COUNTRY = Metric("RowsOtherCountry", "Count", CLEAN, "those of other countries than the run's")
ROWS_REJECTED = Metric("RowsRejected", "Count", CLEAN, "those that break a rule")
ROWS_REJECTED_BY_RULE = Metric("RowsRejectedByRule", "Count", CLEAN, "the same, of each rule", "rule")

VOUCHERS_ASSIGNED = Metric("VouchersAssigned", "Count", ASSIGN, "customers of a shard who got an amount")

MODELS_PUBLISHED = Metric("ModelsPublished", "Count", MODEL, "1 if the run's model is served now, else 0")
MODELS_SUPERSEDED = Metric("ModelsSuperseded", "Count", MODEL, "1 if a newer model was already served")
MODELS_HELD_BACK = Metric("ModelsHeldBack", "Count", MODEL, "1 if the run was held back, 0 if its model is served now")
ITEMS_LEFT_ASIDE = Metric("ItemsLeftAside", "Count", MODEL, "versions of the catalog that cannot be read")
SHARDS_FAILED = Metric("ShardsFailed", "Count", MODEL, "shards of a run that left no result, at least 1")

VOUCHERS_SELECTED = Metric("VouchersSelected", "Count", API, "lookups answered with an amount")
LOOKUPS_REFUSED = Metric("LookupsRefused", "Count", API, "lookups answered with a problem", "code")
REQUESTS_FAILED = Metric("RequestsFailed", "Count", API, "requests answered with an error of ours (500)", "version")
MODEL_REFRESHES = Metric("ModelRefreshes", "Count", API, "lookups of the served version in the catalog")
MODEL_CACHE_HITS = Metric("ModelCacheHits", "Count", API, "uses of the known model between two of these lookups")
STALE_MODEL_SERVED = Metric("StaleModelServed", "Count", API, "answers while the catalog gives no model")
ITEMS_UNREADABLE = Metric("ItemsUnreadable", "Count", API, "requests that met an unreadable item of the catalog")
MODEL_AGE = Metric("ModelAge", "Seconds", API, "time since the served model was published")
CUR_DATE_AGE = Metric("CurDateAge", "Seconds", API, "time since its CUR_DATE began (UTC)")

PUBLICATION_AGE = Metric("PublicationAge", "Seconds", WATCH, "time since a model was last published")
HEALTH_CHECK_FAILED = Metric("HealthCheckFailed", "Count", WATCH, "1 if the API's public address does not answer")

METRICS = tuple(metric for metric in globals().values() if isinstance(metric, Metric))
