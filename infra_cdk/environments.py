"""The environment of each function: every variable that `voucher_selection.adapters.settings` reads.

A variable is a field of the function's settings there, in capitals. None has a default there: all of them are set here.
"""

import json
from collections import ChainMap
from typing import NamedTuple

from infra_cdk.stages import Stage
from voucher_selection.contract.functions import ASSIGN, CLEAN, INGEST, MODEL, WHAT_IF

type Environment = dict[str, str]


class Stores(NamedTuple):
    """The names of the lake's bucket and of the catalog's table."""

    bucket: str
    table: str


def of_pipeline(stage: Stage, stores: Stores) -> dict[str, Environment]:
    """Return the environments of the pipeline's functions and of WhatIf, by function."""
    both = {"BUCKET": stores.bucket, "TABLE": stores.table}
    cur_date = {"CUR_DATE": stage.cur_date.isoformat() if stage.cur_date else ""}
    batch_rows = {"BATCH_ROWS": str(stage.batch_rows)}
    return {
        INGEST: both | cur_date | _of_ingest(stage) | _of_lookups(stage),
        CLEAN: {"BUCKET": stores.bucket} | batch_rows,  # Clean does not know the catalog
        ASSIGN: both | batch_rows,
        MODEL: both | cur_date | _of_model(stage),
        WHAT_IF: both | cur_date,
    }


def _of_ingest(stage: Stage) -> Environment:
    return {
        "COUNTRIES": json.dumps(stage.countries),
        "TIME_ZONE": stage.time_zone,
        "NULL_DATES": json.dumps([day.isoformat() for day in stage.null_dates]),
        "SEGMENTS": stage.segments,
        "SOURCE_HOSTS": json.dumps(stage.source_hosts),
        "SOURCE_PRIVATE_ADDRESSES": json.dumps(stage.source_private_addresses),
        "SOURCE_MAX_BYTES": str(stage.source_max_bytes),
        "SOURCE_TIMEOUT_SECONDS": f"{stage.source_timeout_seconds:g}",
        "SHARD_TARGET_ROWS": str(stage.shard_target_rows),
        "SHARD_TARGET_BYTES": str(stage.shard_target_bytes),
        "SHARDS_PER_MERGE": str(stage.shards_per_merge),
    }


def _of_lookups(stage: Stage) -> Environment:
    return {"FALLBACK": stage.fallback, "LEAST_SUPPORT": str(stage.least_support)}


def _of_model(stage: Stage) -> Environment:
    return {
        "KEPT_VERSIONS": str(stage.kept_versions),
        "VERSION_DAYS": str(stage.version_days),
        "GATE": json.dumps(stage.gate),
    }


def api(stage: Stage, stores: Stores, *, state_machine_arn: str, what_if_function: str) -> Environment:
    """Return the environment of the API."""
    return {
        "TABLE": stores.table,
        "BUCKET": stores.bucket,
        "STATE_MACHINE_ARN": state_machine_arn,
        "WHAT_IF_FUNCTION": what_if_function,
        "MODEL_REFRESH_SECONDS": f"{stage.model_refresh_seconds:g}",
        "START_RUNS": json.dumps(stage.start_runs),
        "UPLOAD_MAX_BYTES": str(stage.upload_max_bytes),
        "UPLOADS_ENDPOINT": stage.endpoint,
        "PUBLIC_URL": stage.local_api_url,
        "AUTH": stage.auth,
        "CORS_ORIGINS": json.dumps(stage.cors_origins),
        **_of_lookups(stage),
    }


def watch(stage: Stage, table: str, *, health_url: str) -> Environment:
    """Return the environment of Watch; `health_url` is empty if the stage has no health check."""
    return {
        "TABLE": table,
        "HEALTH_URL": health_url,
        "HEALTH_TIMEOUT_SECONDS": f"{stage.health_timeout_seconds:g}",
    }


def inbox(stage: Stage, stores: Stores) -> Environment:
    """Return the environment of Inbox."""
    return {"BUCKET": stores.bucket, "TABLE": stores.table, "INBOX_OVERLAP": stage.inbox_overlap}


def of_all(stage: Stage, stores: Stores, *, state_machine_arn: str, what_if_function: str) -> Environment:
    """Return the environments of all functions in one, for a process that stands for several of them."""
    of_api = api(stage, stores, state_machine_arn=state_machine_arn, what_if_function=what_if_function)
    of_watch = watch(stage, stores.table, health_url="")
    return dict(ChainMap(of_api, of_watch, inbox(stage, stores), *of_pipeline(stage, stores).values()))


def powertools(stage: Stage, function: str, stack: str) -> Environment:
    """Return what Powertools reads: names for a function's logs and metrics."""
    return {
        "POWERTOOLS_SERVICE_NAME": function,
        "POWERTOOLS_METRICS_NAMESPACE": stack,
        "POWERTOOLS_LOG_LEVEL": stage.log_level,
    }
