"""The lake: one bucket for everything that runs read and write."""

from collections.abc import Sequence
from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from infra_cdk.encryption import key_of
from infra_cdk.stages import Stage
from voucher_selection.contract.bucket import ASSIGNED, MAP_RESULTS, QUARANTINE, RAW, STAGING

_TLS_VERSION = 1.2
_CORS_SECONDS = 600


class Lake(Construct):
    """The bucket: private, encrypted and versioned. The stage sets how long each prefix keeps its objects.

    On AWS a second bucket logs who reads and writes objects; it keeps them as long as other logs.

    ================ =========================================
    """

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        key = key_of(self, "Key", stage=stage)
        self.bucket = self._bucket(
            "Bucket",
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True if key else None,  # one request to KMS for many objects
            versioned=True,
            lifecycle_rules=self._lifecycle(stage),
            server_access_logs_bucket=None if stage.is_local else self._access_logs(),
        )
        if stage.inbox:
            # the CDK's own way takes a function of its own, for buckets that are there already
            bucket = cast("s3.CfnBucket", self.bucket.node.default_child)
            bucket.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(event_bridge_enabled=True)
            )
        if stage.is_local:
            acknowledge(self.bucket, "The emulator writes no access logs. Its only user is on the same machine.", "S1")

    def take_uploads_of(self, origins: Sequence[str]) -> None:
        """Let pages of these origins send objects here, with the headers of an upload. Each needs a signed address.

        A bucket of the emulator has the origin of the pages.
        """
        self.bucket.add_cors_rule(
            allowed_methods=[s3.HttpMethods.PUT],
            allowed_origins=[*origins],
            allowed_headers=["content-type", "if-none-match"],
            max_age=_CORS_SECONDS,
        )

    def _access_logs(self) -> s3.Bucket:
        """Make the bucket of access logs. S3 cannot deliver them to a bucket with its owner's key."""
        expiry = s3.LifecycleRule(id="expire", expiration=cdk.Duration.days(self._stage.log_days))
        return self._bucket("AccessLogs", encryption=s3.BucketEncryption.S3_MANAGED, lifecycle_rules=[expiry])

    def _bucket(self, construct_id: str, **settings: Any) -> s3.Bucket:  # noqa: ANN401 - of s3.Bucket
        destroy = self._stage.removal == "destroy"
        return s3.Bucket(
            self,
            construct_id,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=_TLS_VERSION,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            # a first deployment that fails leaves no bucket behind: there is nothing in it
            removal_policy=cdk.RemovalPolicy.DESTROY if destroy else cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
            # emptying a bucket takes a function in Node.js, which the emulator does not run
            auto_delete_objects=destroy and not self._stage.is_local,
            **settings,
        )

    @staticmethod
    def _lifecycle(stage: Stage) -> list[s3.LifecycleRule]:
        expiries = {
            RAW: stage.raw_days,
            STAGING: stage.staging_days,
            QUARANTINE: stage.quarantine_days,
            ASSIGNED: stage.assigned_days,
            MAP_RESULTS: stage.staging_days,
        }
        rules = [
            s3.LifecycleRule(
                id=f"expire-{prefix.replace('/', '-')}", prefix=f"{prefix}/", expiration=cdk.Duration.days(days)
            )
            for prefix, days in expiries.items()
        ]
        tidy = s3.LifecycleRule(
            id="tidy",
            noncurrent_version_expiration=cdk.Duration.days(stage.noncurrent_days),
            abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
        )
        return [*rules, tidy]
