"""The functions: each has its own role, log group and settings, and only the rights that it needs."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra_cdk import environments
from infra_cdk.acknowledged import acknowledge
from infra_cdk.encryption import key_of, key_rights
from infra_cdk.log_groups import log_group_of
from infra_cdk.network import join_subnets, network_rights
from infra_cdk.rights import Right, arns_below, role_of
from infra_cdk.stages import Stage
from layers.build.archives import Archive
from layers.build.packages import LAYERS_OF, Packages
from voucher_selection.contract.bucket import (
    ASSIGNED,
    INBOX_RESULTS,
    PRODUCTION,
    QUARANTINE,
    RAW,
    RUNS,
    STAGING,
    TEXTS,
    UPLOADS,
    run_folder,
)
from voucher_selection.contract.bucket import INBOX as INBOX_FOLDER
from voucher_selection.contract.functions import API, ASSIGN, CLEAN, INBOX, INGEST, MODEL, WATCH, WHAT_IF

_ARCHITECTURES = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}

_TEXTS = f"{run_folder(STAGING, '*')}/{TEXTS}"
_READ = ("s3:GetObject",)
_WRITE = ("s3:PutObject",)
# Large files are copied and uploaded in parts; if one of them fails, the others are dropped.
_WRITE_IN_PARTS = (*_WRITE, "s3:AbortMultipartUpload")

_TRACING = Right(
    ["xray:PutTraceSegments", "xray:PutTelemetryRecords"], ["*"], "X-Ray has no resources that a policy could name."
)
_OBJECTS_OF_RUNS = "Objects below one prefix of the deployment's bucket. Each run forms their keys from its id."
_OBJECTS_OF_SOURCES = "Objects of a bucket that source_buckets names. Each of them may be a history. Read only."
_RUNS_OF_THE_MACHINE = "Runs of the deployment's own state machine. Each gets its name when it starts. Read only."
_VERSIONS = "Versions of the deployment's own functions. What began before an update ends with the versions of before."
_PINNED_PYTHON = "The packages are locked, built and tested for Python 3.13. A newer Python needs new locks."


class Functions(Construct):
    """Ingest, Clean, Assign and Model, which the pipeline runs; WhatIf, which the API calls; and the API itself.

    A stage with monitoring also has Watch, one with an inbox Inbox.
    """

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
        self._stores = environments.Stores(bucket.bucket_name, table.table_name)
        self._reserved = {API: stage.api_reserved_concurrency, CLEAN: stage.clean_reserved_concurrency}
        self._layers = self._layer_versions()
        self.by_name: dict[str, lambda_.Function] = {}
        """The functions by the names of their constructs, in the order in which they were made."""
        self.roles: dict[str, iam.Role] = {}
        """Their roles, by the same names."""
        of_functions, rights = environments.of_pipeline(stage, self._stores), self._rights()
        for name, environment in of_functions.items():
            self._function(name, environment=environment, rights=rights[name])
        if stage.inbox:
            self._function(INBOX, environment=environments.inbox(stage, self._stores), rights=self._inbox_rights())

    def _rights(self) -> dict[str, list[Right]]:
        """Return the rights of the pipeline's functions and of WhatIf, which reads as Model does and writes nothing."""
        reads = ("dynamodb:GetItem", "dynamodb:Query")
        return {
            INGEST: [
                self._list_bucket(),
                # an append reads which files are counted already, and in which counts
                self._objects(_READ, UPLOADS, RAW, PRODUCTION, *([INBOX_FOLDER] if self._stage.inbox else [])),
                self._objects(_WRITE_IN_PARTS, RAW),
                self._objects(_WRITE, RUNS, _TEXTS),
                self._items("dynamodb:GetItem"),
                *self._source_buckets(),
                *self._source_keys(),
            ],
            CLEAN: [
                self._list(RAW, _TEXTS),
                self._objects(_READ, RAW, _TEXTS),
                self._objects(_WRITE_IN_PARTS, STAGING, QUARANTINE),
            ],
            ASSIGN: [
                self._list(RAW, _TEXTS, RUNS),
                self._objects(_READ, RAW, _TEXTS, RUNS),
                self._objects(_WRITE_IN_PARTS, ASSIGNED),
                self._items(*reads),
            ],
            MODEL: [
                self._list(STAGING, QUARANTINE, PRODUCTION, RUNS, ASSIGNED),
                self._objects(_READ, STAGING, RUNS, PRODUCTION, ASSIGNED),
                self._objects(_WRITE, STAGING, PRODUCTION, RUNS, ASSIGNED),
                self._items(*reads, "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:BatchWriteItem"),
            ],
            WHAT_IF: [self._list(PRODUCTION, RUNS), self._objects(_READ, RUNS, PRODUCTION), self._items(*reads)],
        }

    def _inbox_rights(self) -> list[Right]:
        """Return the rights of Inbox but those on the state machine, which calls it and so comes later."""
        return [
            self._list(INBOX_FOLDER, RUNS),
            self._objects(_READ, RUNS),
            self._objects(_WRITE, RUNS, INBOX_RESULTS),
            self._items("dynamodb:GetItem", "dynamodb:UpdateItem"),
        ]

    def called(self, name: str) -> lambda_.IFunction:
        """Return what calls of a function go to: the version that this deployment publishes, by the function's name.

        A caller that began before an update goes on with the version that it began with. The emulator has nobody who
        updates during a run, and starts sooner without versions: there it is the function itself.
        """
        function = self.by_name[name]
        return function if self._stage.is_local else function.current_version

    def right_to_call(self, *names: str) -> Right:
        """Return the right to call functions, in the versions of earlier deployments too."""
        versions = "" if self._stage.is_local else ":*"
        arns = [f"{self.by_name[name].function_arn}{versions}" for name in names]
        return Right(["lambda:InvokeFunction"], arns, _VERSIONS)

    def api(self, state_machine: sfn.IStateMachine) -> lambda_.IFunction:
        """Make the API. On AWS this is a published version, which starts from a snapshot; the emulator has none.

        Callers use an alias, which moves to a new version once the version's snapshot exists.
        """
        stage, arn = self._stage, state_machine.state_machine_arn
        function = self._function(
            API,
            environment=environments.api(
                stage, self._stores, state_machine_arn=arn, what_if_function=self.called("WhatIf").function_name
            ),
            rights=[
                self._items("dynamodb:GetItem", "dynamodb:Query"),
                *self._run_rights(state_machine),
                self.right_to_call("WhatIf"),
            ],
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if stage.snap_start else None,
            old_versions=cdk.RemovalPolicy.DESTROY,  # the cache of their snapshots costs money
        )
        if stage.is_local:
            return function
        alias = function.add_alias("served")
        if stage.deployment == "canary":
            from infra_cdk.canary import Canary  # noqa: PLC0415 - its imports take half a second

            Canary(self, "Canary", alias=alias, function=function)
        return alias

    def watch(self, health_url: str) -> lambda_.Function:
        """Make Watch, which asks the address from outside of the subnets; an empty address is not asked."""
        return self._function(
            WATCH,
            environment=environments.watch(self._stage, self._stores.table, health_url=health_url),
            rights=[self._items("dynamodb:GetItem")],
            outside=bool(health_url),
        )

    def _run_rights(self, state_machine: sfn.IStateMachine) -> list[Right]:
        """Return the rights to read runs and, if the stage allows it, to start one and take a file for it.

        An address for an upload is signed with the function's own rights.
        """
        arn = state_machine.state_machine_arn
        starts = [Right(["states:StartExecution"], [arn]), self._objects(_WRITE, UPLOADS)]
        reads = ["states:DescribeExecution", "states:GetExecutionHistory"]
        return [
            Right(["states:ListExecutions"], [arn]),
            Right(reads, [arns_below(state_machine, "execution", ":*")], _RUNS_OF_THE_MACHINE),
            Right(["states:DescribeMapRun"], [arns_below(state_machine, "mapRun", "/*")], _RUNS_OF_THE_MACHINE),
            self._list(RUNS, *([UPLOADS] if self._stage.start_runs else [])),
            self._objects(_READ, RUNS),
            *(starts if self._stage.start_runs else []),
        ]

    def _function(
        self,
        name: str,
        *,
        environment: Mapping[str, str],
        rights: Sequence[Right],
        snap_start: lambda_.SnapStartConf | None = None,
        old_versions: cdk.RemovalPolicy = cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
        outside: bool = False,
    ) -> lambda_.Function:
        """Make a function with its role and log group; one `outside` is not in the stage's subnets."""
        stage, construct_id = self._stage, _construct_id(name)
        log_group = log_group_of(self, construct_id, stage=stage)
        function = lambda_.Function(
            self,
            construct_id,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=_ARCHITECTURES[stage.architecture],
            handler=f"{name}.handler.lambda_handler",
            code=_code(self._packages.functions[name]),
            layers=[self._layers[layer] for layer in LAYERS_OF[name] if layer in self._layers],
            memory_size=getattr(stage, f"{name}_memory_mb"),
            ephemeral_storage_size=cdk.Size.mebibytes(stage.clean_disk_mb if name == CLEAN else 512),
            timeout=cdk.Duration.seconds(getattr(stage, f"{name}_timeout_seconds")),
            environment={**environment, **environments.powertools(stage, name, cdk.Stack.of(self).stack_name)},
            environment_encryption=key_of(self, f"{construct_id}Key", stage=stage),
            role=self._role(name, log_group, rights, outside=outside),
            log_group=log_group,
            tracing=lambda_.Tracing.ACTIVE if stage.traces(name) else lambda_.Tracing.DISABLED,
            snap_start=snap_start,
            reserved_concurrent_executions=self._reserved.get(name),
            # a version of an update that failed goes: Lambda would not publish the same code once more
            current_version_options=lambda_.VersionOptions(removal_policy=old_versions),
        )
        if not outside:
            join_subnets(function, stage)
        acknowledge(function, _PINNED_PYTHON, "L1")
        self.by_name[construct_id] = function
        return function

    def _role(self, name: str, log_group: logs.ILogGroup, rights: Sequence[Right], *, outside: bool) -> iam.IRole:
        stage = self._stage
        network = [] if outside else network_rights(stage)
        rights = [*rights, *key_rights(stage, rights), *network, _own_logs(log_group)]
        if stage.traces(name):
            rights.append(_TRACING)
        role = role_of(self, f"{_construct_id(name)}Role", service="lambda.amazonaws.com", rights=rights)
        self.roles[_construct_id(name)] = role
        return role.without_policy_updates()  # the CDK adds no further rights

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
        """Return the right to learn that an object below these prefixes does not exist."""
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

    def _source_keys(self) -> list[Right]:
        """Return the right to read what other keys encrypt. Across accounts, a key's own policy is not enough."""
        keys = self._stage.source_kms_keys
        return [Right(["kms:Decrypt"], keys)] if keys else []

    def _arn_of_bucket(self, name: str) -> str:
        return cdk.Stack.of(self).format_arn(service="s3", region="", account="", resource=name)


def _code(archive: Archive) -> lambda_.Code:
    """Return the archive as an asset that is known by its digest, so that synthesis need not read it."""
    return lambda_.Code.from_asset(
        str(archive.path), asset_hash=archive.digest, asset_hash_type=cdk.AssetHashType.CUSTOM
    )


def _construct_id(name: str) -> str:
    return name.title().replace("_", "")


def _own_logs(log_group: logs.ILogGroup) -> Right:
    return Right(["logs:CreateLogStream", "logs:PutLogEvents"], [log_group.log_group_arn])
