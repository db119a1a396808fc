"""Log groups, which keep logs for the `log_days` of the stage and are deleted with the stack."""

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.encryption import key_of
from infra_cdk.stages import LOG_PERIODS, Stage


def log_group_of(
    scope: Construct,
    owner: str,
    *,
    stage: Stage,
    name: str | None = None,
    log_class: logs.LogGroupClass | None = None,
) -> logs.LogGroup:
    """Return a new log group for what an owner, like `Ingest`, logs. CloudFormation names it unless a service does.

    The class is final: CloudFormation cannot change that of a group. Infrequent access costs half of the standard class
    to write, and has queries, but neither metric filters nor metrics in the log.
    """
    return logs.LogGroup(
        scope,
        f"{owner}Logs",
        log_group_name=name,
        log_group_class=log_class,
        encryption_key=key_of(scope, f"{owner}LogsKey", stage=stage),
        retention=logs.RetentionDays[LOG_PERIODS[stage.log_days]],
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
