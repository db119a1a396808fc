"""The six functions: each with its own role, log group, settings and no more rights than its state needs."""

import json
import re
from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from infra_cdk.encryption import key_of, key_rights
from infra_cdk.log_groups import log_group_of
from infra_cdk.network import join_subnets, network_rights
from infra_cdk.rights import Right, role_of
from infra_cdk.stages import Stage
from layers.build import LAYERS_OF, Archive, Packages

_ARCHITECTURES = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}

# A copy keeps its source's tags, and large objects are copied and uploaded in parts.
_READ = ("s3:GetObject",)
_WRITE = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")

_TRACING = Right(
    ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"], "X-Ray has no resources that a policy could name."
)
_OBJECTS_OF_RUNS = "Objects below one prefix of the deployment's bucket; each run makes up their keys."
_OBJECTS_OF_SOURCES = "Objects of a bucket that source_buckets names: a history may be any of them. Read only."
_RUNS_OF_THE_MACHINE = "Runs of the deployment's own state machine, whose names are made when they start. Read only."
_PINNED_PYTHON = "Python 3.13 is what the packages are locked, built and tested for; a newer one comes with a new lock."


class Functions(Construct):
    """Ingest, Clean, Assign and Model, the states of the pipeline; WhatIf, which the API asks; and the API itself."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        packages: Packages,
        bucket: s3.IBucket,
        table: dynamodb.ITable,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stage = stage
        self._packages = packages
        self._bucket = bucket
        self._table = table
        self._layers = self._layer_versions()
        self.ingest = self._ingest()
        self.clean = self._clean()
        self.assign = self._assign()
        self.model = self._model()
        self._what_if = self._what_if_function()
        self.by_name = {
            "Ingest": self.ingest,
            "Clean": self.clean,
            "Assign": self.assign,
            "Model": self.model,
            "WhatIf": self._what_if,
        }

    def _ingest(self) -> lambda_.Function:
        stage = self._stage
        return self._function(
            "Ingest",
            memory_mb=stage.ingest_memory_mb,
            timeout_seconds=stage.ingest_timeout_seconds,
            environment={
                "BUCKET": self._bucket.bucket_name,
                "TABLE": self._table.table_name,
                "COUNTRIES": json.dumps(stage.countries),
                "CUR_DATE": self._cur_date(),
                "TIME_ZONE": stage.time_zone,
                "NULL_DATES": json.dumps([day.isoformat() for day in stage.null_dates]),
                "SEGMENTS": stage.segments,
                "SOURCE_HOSTS": json.dumps(stage.source_hosts),
                "SOURCE_PRIVATE_ADDRESSES": json.dumps(stage.source_private_addresses),
                "SOURCE_MAX_BYTES": str(stage.source_max_bytes),
                "SOURCE_TIMEOUT_SECONDS": f"{stage.source_timeout_seconds:g}",
                "SHARD_TARGET_ROWS": str(stage.shard_target_rows),
                "SHARD_TARGET_BYTES": str(stage.shard_target_bytes),
            },
            rights=[
                self._list_bucket(),
                # an append: what is counted already, and behind which model
                self._objects(_READ, "uploads", "raw", "production"),
                self._objects(_WRITE, "raw", "runs"),
                self._items("dynamodb:GetItem"),
                *self._source_buckets(),
            ],
        )

    def _clean(self) -> lambda_.Function:
        return self._function(
            "Clean",
            memory_mb=self._stage.clean_memory_mb,
            disk_mb=self._stage.clean_disk_mb,
            timeout_seconds=self._stage.clean_timeout_seconds,
            environment={"BUCKET": self._bucket.bucket_name, "BATCH_ROWS": str(self._stage.batch_rows)},
            rights=[
                self._list("raw"),
                self._objects(_READ, "raw"),
                self._objects(_WRITE, "staging", "quarantine"),
            ],
        )

    def _assign(self) -> lambda_.Function:
        return self._function(
            "Assign",
            memory_mb=self._stage.assign_memory_mb,
            timeout_seconds=self._stage.assign_timeout_seconds,
            environment={
                "BUCKET": self._bucket.bucket_name,
                "TABLE": self._table.table_name,
                "BATCH_ROWS": str(self._stage.batch_rows),
            },
            rights=[
                self._list("raw", "runs"),
                self._objects(_READ, "raw", "runs"),
                self._objects(_WRITE, "production"),
                self._items("dynamodb:GetItem", "dynamodb:Query"),
            ],
        )

    def _model(self) -> lambda_.Function:
        writes = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem")
        return self._function(
            "Model",
            memory_mb=self._stage.model_memory_mb,
            timeout_seconds=self._stage.model_timeout_seconds,
            environment={
                "BUCKET": self._bucket.bucket_name,
                "TABLE": self._table.table_name,
                "CUR_DATE": self._cur_date(),
                "KEPT_VERSIONS": str(self._stage.kept_versions),
                "VERSION_DAYS": str(self._stage.version_days),
                "GATE": json.dumps(self._stage.gate),
            },
            rights=[
                self._list_bucket(),
                self._objects(_READ, "staging", "runs", "production"),
                self._objects(_WRITE, "production", "runs"),
                self._items("dynamodb:GetItem", "dynamodb:Query", *writes),
            ],
        )

    def _cur_date(self) -> str:
        return self._stage.cur_date.isoformat() if self._stage.cur_date else ""

    def _what_if_function(self) -> lambda_.Function:
        """It reads what Model reads, and writes nothing."""
        return self._function(
            "WhatIf",
            memory_mb=self._stage.what_if_memory_mb,
            timeout_seconds=self._stage.what_if_timeout_seconds,
            environment={
                "BUCKET": self._bucket.bucket_name,
                "TABLE": self._table.table_name,
                "CUR_DATE": self._cur_date(),
            },
            rights=[
                self._list("production", "runs"),
                self._objects(_READ, "runs", "production"),
                self._items("dynamodb:GetItem", "dynamodb:Query"),
            ],
        )

    def api(self, state_machine: sfn.IStateMachine) -> lambda_.IFunction:
        """Make the API: on AWS its published version, which starts from a snapshot; the emulator takes none.

        An alias is what a caller is bound to: it moves to a new version once that version's snapshot is there.
        """
        stage = self._stage
        function = self._function(
            "Api",
            memory_mb=stage.api_memory_mb,
            timeout_seconds=stage.api_timeout_seconds,
            environment={
                "TABLE": self._table.table_name,
                "BUCKET": self._bucket.bucket_name,
                "STATE_MACHINE_ARN": state_machine.state_machine_arn,
                "WHAT_IF_FUNCTION": self._what_if.function_name,
                "MODEL_REFRESH_SECONDS": f"{stage.model_refresh_seconds:g}",
                "START_RUNS": json.dumps(stage.start_runs),
                "PUBLIC_URL": stage.local_api_url,
                "AUTH": stage.auth,
                "CORS_ORIGINS": json.dumps(stage.cors_origins),
            },
            rights=[
                self._items("dynamodb:GetItem", "dynamodb:Query"),
                *self._run_rights(state_machine),
                Right(["lambda:InvokeFunction"], [self._what_if.function_arn]),
            ],
            snap_start=None if stage.is_local else lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS,
        )
        self.by_name["Api"] = function
        return function if stage.is_local else function.add_alias("served")

    def _run_rights(self, state_machine: sfn.IStateMachine) -> list[Right]:
        """What the pages of runs read, and the right to start one where the stage says so."""
        name = cdk.Fn.select(6, cdk.Fn.split(":", state_machine.state_machine_arn))
        arn = state_machine.state_machine_arn
        starts = [Right(["states:StartExecution"], [arn])]
        reads = ["states:DescribeExecution", "states:GetExecutionHistory"]
        return [
            Right(["states:ListExecutions"], [arn]),
            Right(reads, [self._states_arn("execution", f"{name}:*")], _RUNS_OF_THE_MACHINE),
            Right(["states:DescribeMapRun"], [self._states_arn("mapRun", f"{name}/*")], _RUNS_OF_THE_MACHINE),
            self._list("runs"),
            self._objects(_READ, "runs"),
            *(starts if self._stage.start_runs else []),
        ]

    def _states_arn(self, resource: str, name: str) -> str:
        return cdk.Stack.of(self).format_arn(
            service="states", resource=resource, resource_name=name, arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
        )

    def _function(
        self,
        construct_id: str,
        *,
        memory_mb: int,
        disk_mb: int = 512,
        timeout_seconds: int,
        environment: Mapping[str, str],
        rights: Sequence[Right],
        snap_start: lambda_.SnapStartConf | None = None,
    ) -> lambda_.Function:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", construct_id).lower()
        log_group = log_group_of(self, construct_id, stage=self._stage)
        function = lambda_.Function(
            self,
            construct_id,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=_ARCHITECTURES[self._stage.architecture],
            handler=f"{name}.handler.lambda_handler",
            code=_code(self._packages.functions[name]),
            layers=[self._layers[layer] for layer in LAYERS_OF[name] if layer in self._layers],
            memory_size=memory_mb,
            ephemeral_storage_size=cdk.Size.mebibytes(disk_mb),
            timeout=cdk.Duration.seconds(timeout_seconds),
            environment={**environment, **self._powertools(name)},
            environment_encryption=key_of(self, f"{construct_id}Key", stage=self._stage),
            role=self._role(construct_id, log_group, rights),
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE if self._stage.tracing else lambda_.Tracing.DISABLED,
            snap_start=snap_start,
        )
        join_subnets(function, self._stage)
        acknowledge(function, _PINNED_PYTHON, "L1")
        return function

    def _powertools(self, name: str) -> dict[str, str]:
        settings = {
            "POWERTOOLS_SERVICE_NAME": name,
            "POWERTOOLS_METRICS_NAMESPACE": cdk.Stack.of(self).stack_name,
            "POWERTOOLS_LOG_LEVEL": self._stage.log_level,
        }
        return settings if self._stage.tracing else {**settings, "POWERTOOLS_TRACE_DISABLED": "true"}

    def _role(self, construct_id: str, log_group: logs.ILogGroup, rights: Sequence[Right]) -> iam.IRole:
        stage = self._stage
        rights = [*rights, *key_rights(stage, rights), *network_rights(stage), _own_logs(log_group)]
        if stage.tracing:
            rights.append(_TRACING)
        role = role_of(self, f"{construct_id}Role", service="lambda.amazonaws.com", rights=rights)
        return role.without_policy_updates()  # all that it may do stands here

    def _layer_versions(self) -> dict[str, lambda_.LayerVersion]:
        return {
            name: lambda_.LayerVersion(
                self,
                f"{name.capitalize()}Layer",
                code=_code(archive),
                compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
                compatible_architectures=[_ARCHITECTURES[self._stage.architecture]],
                description=f"Voucher Selection, {name}",
            )
            for name, archive in self._packages.layers.items()
        }

    def _objects(self, actions: Sequence[str], *prefixes: str) -> Right:
        return Right(actions, [self._bucket.arn_for_objects(f"{prefix}/*") for prefix in prefixes], _OBJECTS_OF_RUNS)

    def _list_bucket(self) -> Right:
        return Right(["s3:ListBucket"], [self._bucket.bucket_arn])

    def _list(self, *prefixes: str) -> Right:
        """The right to hear of an object below these prefixes that it is not there."""
        below = {"StringLike": {"s3:prefix": [f"{prefix}/*" for prefix in prefixes]}}
        return Right(["s3:ListBucket"], [self._bucket.bucket_arn], conditions=below)

    def _items(self, *actions: str) -> Right:
        return Right(actions, [self._table.table_arn])

    def _source_buckets(self) -> list[Right]:
        arns = [self._arn_of_bucket(name) for name in self._stage.source_buckets]
        if not arns:
            return []
        return [
            Right(["s3:ListBucket"], arns),
            Right(_READ, [f"{arn}/*" for arn in arns], _OBJECTS_OF_SOURCES),
        ]

    def _arn_of_bucket(self, name: str) -> str:
        return cdk.Stack.of(self).format_arn(service="s3", region="", account="", resource=name)


def _code(archive: Archive) -> lambda_.Code:
    """The archive as an asset known by what went into it, so that synthesis need not read it."""
    return lambda_.Code.from_asset(
        str(archive.path), asset_hash=archive.digest, asset_hash_type=cdk.AssetHashType.CUSTOM
    )


def _own_logs(log_group: logs.ILogGroup) -> Right:
    return Right(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
