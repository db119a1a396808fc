"""The stack: everything in one stage."""

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from infra_cdk import settings_record
from infra_cdk.api import Api
from infra_cdk.catalog import Catalog
from infra_cdk.context import FROM_DEPLOYED
from infra_cdk.functions import Functions
from infra_cdk.lake import Lake
from infra_cdk.pipeline import Pipeline
from infra_cdk.stages import Stage
from layers.build.packages import Packages

PARAMETERS = "/voucher-selection"
"""Where SSM has the outputs of stacks, each below the stack's name."""


class VoucherSelection(cdk.Stack):
    """A history goes into the lake, the pipeline publishes a model to the catalog, and the API serves it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        stage: Stage,
        packages: Packages,
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            env=env,
            description="Voucher Selection",
            synthesizer=_synthesizer(stage),
            permissions_boundary=_boundary(stage),
            termination_protection=stage.removal == "retain",
            # for what CloudFormation tags; the template's resources have them too, so that a reviewer sees them
            tags=_tags(stage),
        )
        self._stage = stage
        for name, value in _tags(stage).items():
            cdk.Tags.of(self).add(name, value)
        lake = Lake(self, "Lake", stage=stage)
        catalog = Catalog(self, "Catalog", stage=stage)
        functions = Functions(
            self, "Functions", stage=stage, packages=packages, bucket=lake.bucket, table=catalog.table
        )
        pipeline = Pipeline(self, "Pipeline", stage=stage, functions=functions, bucket=lake.bucket)
        api = Api(self, "Api", stage=stage, function=functions.api(pipeline.state_machine))

        if stage.start_runs and not stage.is_local:
            lake.take_uploads_of([api.origin, *stage.cors_origins])
        self._stand_before(api, stage)
        if stage.tables:
            self._lay_tables(lake)
        if stage.monitoring:
            self._watch(stage, functions=functions, pipeline=pipeline, api=api, table=catalog.table)

        self._record_settings(stage, pipeline)
        self._output("ApiUrl", api.url, "The address of the API")
        self._output("StateMachineArn", pipeline.state_machine.state_machine_arn, "The state machine of the runs")
        self._output("BucketName", lake.bucket.bucket_name, "The bucket; upload histories to uploads/")
        self._output("TableName", catalog.table.table_name, "The table of the published models")
        self._output("FailureTopicArn", pipeline.topic.topic_arn, "Subscribe to get a message for each failed run")
        if api.key:
            self._output("ApiKeyId", api.key.key_id, "aws apigateway get-api-key --include-value --api-key <id>")

    def _record_settings(self, stage: Stage, pipeline: Pipeline) -> None:
        """Keep the settings with the stack: the next deployment starts from them.

        CloudFormation updates an output only together with a resource, and some settings change no resource. Hence the
        tag with the settings' digest, on a resource whose tags change in place.
        """
        cdk.Tags.of(pipeline.state_machine).add("settings", settings_record.digest(stage))
        # no parameter: the settings may be longer than one takes
        cdk.CfnOutput(
            self,
            settings_record.OUTPUT,
            value=settings_record.written(stage),
            description="Settings that ./quickstart deploy keeps",
        )
        if not stage.is_local and not self.node.try_get_context(FROM_DEPLOYED):
            cdk.Annotations.of(self).add_warning_v2("voucher-selection:settings", _from_the_defaults(stage.name))

    def _stand_before(self, api: Api, stage: Stage) -> None:
        """Add the domain and the firewall if the stage has them. Their imports take a second."""
        if stage.domain_name:
            from infra_cdk.custom_domain import Domain  # noqa: PLC0415

            domain = Domain(self, "Domain", stage=stage, api=api.rest_api)
            self._output("DomainTarget", domain.target, "The target for a DNS record of the domain")
        if stage.waf:
            from infra_cdk.firewall import Firewall  # noqa: PLC0415

            Firewall(self, "Firewall", stage=stage, stage_arn=api.rest_api.deployment_stage.stage_arn)

    def _lay_tables(self, lake: Lake) -> None:
        """Add tables of Glue over the lake. Their imports take a moment, too."""
        from infra_cdk.tables import Tables  # noqa: PLC0415

        tables = Tables(self, "Tables", bucket=lake.bucket)
        self._output("GlueDatabase", tables.database, "The database of the tables over the lake")

    def _watch(
        self, stage: Stage, *, functions: Functions, pipeline: Pipeline, api: Api, table: dynamodb.ITable
    ) -> None:
        """Add the dashboard and the alarms. Their imports take a second, too."""
        from infra_cdk.observability import Observability  # noqa: PLC0415

        watch = Observability(
            self, "Observability", stage=stage, functions=functions, pipeline=pipeline, api=api, table=table
        )
        self._output("AlarmTopicArn", watch.topic.topic_arn, "Subscribe to get a message when an alarm starts or ends")

    def _output(self, name: str, value: str, description: str) -> None:
        """Tell who deploys a name or an address; on AWS a parameter of SSM tells it to other stacks and programs."""
        cdk.CfnOutput(self, name, value=value, description=description)
        if not self._stage.is_local:
            ssm.StringParameter(
                self,
                f"{name}Parameter",
                parameter_name=f"{PARAMETERS}/{self.stack_name}/{name}",
                string_value=value,
                description=description,
            )


def _from_the_defaults(stage: str) -> str:
    return (
        f"settings that are not named here get the defaults of {stage}, whatever is deployed. ./quickstart deploy"
        f" --stage {stage} starts from the deployed settings; change one with --set NAME=VALUE"
    )


def _tags(stage: Stage) -> dict[str, str]:
    """Return the tags that separate the costs of an account."""
    return {"project": "voucher-selection", "stage": stage.name}


def _synthesizer(stage: Stage) -> cdk.IStackSynthesizer | None:
    """Return how the stack is deployed: on AWS with the roles of `cdk bootstrap`, in the emulator without roles.

    The emulator then needs only the bootstrap's bucket, `cdk-hnb659fds-assets-<account>-<region>`. The quickstart makes
    it in a moment; the whole bootstrap takes ten seconds.
    """
    return cdk.CliCredentialsStackSynthesizer() if stage.is_local else None


def _boundary(stage: Stage) -> cdk.PermissionsBoundary | None:
    """Return the managed policy that limits every role of the stack."""
    policy = stage.permissions_boundary
    if not policy:
        return None
    of_arn, of_name = cdk.PermissionsBoundary.from_arn, cdk.PermissionsBoundary.from_name
    return of_arn(policy) if policy.startswith("arn:") else of_name(policy)
