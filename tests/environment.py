"""The environment of the functions as the stack sets it, for tests in which one process stands for all functions."""

from typing import Any

from infra_cdk import environments
from infra_cdk.stages import stage

BUCKET = "lake"
TABLE = "catalog"
STATE_MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:pipeline"
POWERTOOLS = {
    "POWERTOOLS_SERVICE_NAME": "test",
    "POWERTOOLS_METRICS_NAMESPACE": "VoucherSelection",
}
_AWS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
}
# Small enough that a small history has many shards and batches, and a few runs have too many versions.
_SMALL: dict[str, Any] = {
    "shard_target_rows": 1_000,
    "shard_target_bytes": 1_000_000,
    "batch_rows": 256,
    "kept_versions": 3,
    "version_days": 30,
    "model_refresh_seconds": 0,
    "source_hosts": (),
}


def function_environment(**settings: Any) -> dict[str, str]:
    """Return the environment of a local stage with these settings; without them it works in small steps."""
    stores = environments.Stores(BUCKET, TABLE)
    of_functions = environments.of_all(
        stage("local", **_SMALL | settings), stores, state_machine_arn=STATE_MACHINE, what_if_function="what-if"
    )
    # as on AWS, where requests say how the API was reached, and browsers reach S3 as the functions do
    return {**_AWS, **POWERTOOLS, **of_functions, "PUBLIC_URL": "", "UPLOADS_ENDPOINT": ""}
