"""The lake: one bucket for everything that runs read and write."""

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra_cdk.stages import Stage

_TLS_VERSION = 1.2


class Lake(Construct):
    """The bucket, private, encrypted and versioned; each prefix keeps its objects as long as the stage says.

    ==============  =====================================================
    prefix          holds
    ==============  =====================================================
    ``uploads/``    history files that users put there; never expires
    ``raw/``        the sources of each run, as they came
    ``staging/``    cleaned rows and the counts of each shard
    ``quarantine/`` rejected rows, as they came
    ``production/`` the counts and models of each run; never expires
    ``runs/``       manifests and summaries of each run; never expires
    ==============  =====================================================
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        destroy = stage.removal == "destroy"
        self.bucket = s3.Bucket(
            self,
            "Bucket",
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=_TLS_VERSION,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            lifecycle_rules=self._lifecycle(stage),
            removal_policy=cdk.RemovalPolicy.DESTROY if destroy else cdk.RemovalPolicy.RETAIN,
            # emptying a bucket takes a function in Node.js, which the emulator does not run
            auto_delete_objects=destroy and not stage.is_local,
        )

    @staticmethod
    def _lifecycle(stage: Stage) -> list[s3.LifecycleRule]:
        expiries = {"raw": stage.raw_days, "staging": stage.staging_days, "quarantine": stage.quarantine_days}
        rules = [
            s3.LifecycleRule(id=f"expire-{prefix}", prefix=f"{prefix}/", expiration=cdk.Duration.days(days))
            for prefix, days in expiries.items()
        ]
        tidy = s3.LifecycleRule(
            id="tidy",
            noncurrent_version_expiration=cdk.Duration.days(stage.noncurrent_days),
            abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
        )
        return [*rules, tidy]
