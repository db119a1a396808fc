"""Log groups, which keep logs for the `log_days` of the stage and are deleted with the stack."""

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra_cdk.encryption import key_of
from infra_cdk.stages import LOG_PERIODS, Stage

_RETENTION = dict(
    zip(
        LOG_PERIODS,
        (
            logs.RetentionDays.ONE_DAY,
            logs.RetentionDays.ONE_WEEK,
            logs.RetentionDays.TWO_WEEKS,
            logs.RetentionDays.ONE_MONTH,
            logs.RetentionDays.THREE_MONTHS,
            logs.RetentionDays.SIX_MONTHS,
            logs.RetentionDays.ONE_YEAR,
        ),
        strict=True,
    )
)


def log_group_of(scope: Construct, owner: str, *, stage: Stage, name: str | None = None) -> logs.LogGroup:
    """Return a new log group.

    Parameters
    ----------
    scope
        Where it is declared.
    owner
        What logs to it, like `Ingest`.
    stage
        The deployment's settings.
    name
        A fixed name, if a service needs one; by default CloudFormation makes one.
    """
    return logs.LogGroup(
        scope,
        f"{owner}Logs",
        log_group_name=name,
        encryption_key=key_of(scope, f"{owner}LogsKey", stage=stage),
        retention=_RETENTION[stage.log_days],
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )
