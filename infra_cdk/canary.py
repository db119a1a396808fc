"""How callers move to a new version of the API: some of them first, and back if it fails."""

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.acknowledged import acknowledge
from voucher_selection.contract.metrics import REQUESTS_FAILED

_MINUTE = cdk.Duration.minutes(1)
_CODE_DEPLOYS_POLICY = "CodeDeploy's role moves aliases and reads alarms. AWS maintains the role's policy."


class Canary(Construct):
    """A deployment by CodeDeploy: 10 % of the requests for five minutes, then the rest, unless the version fails.

    CloudFormation waits for it. If the alarm is raised, CodeDeploy moves all callers back, and CloudFormation takes the
    whole update back. Nobody else is told: the deployment's own log says it.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, alias: lambda_.Alias, function: lambda_.Function
    ) -> None:
        super().__init__(scope, construct_id)
        group = codedeploy.LambdaDeploymentGroup(
            self,
            "Group",
            alias=alias,
            deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
            alarms=[self._alarm(alias, function)],
        )
        policy = "Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"
        acknowledge(group, _CODE_DEPLOYS_POLICY, f"IAM4[{policy}]")

    def _alarm(self, alias: lambda_.Alias, function: lambda_.Function) -> cloudwatch.Alarm:
        """Return an alarm of one version: it crashed, or answered a request with an error of ours.

        Faults of the version that is served until then must not stop the update that mends them. Hence the version in
        the metrics, and in the name: with another name, the alarm is a new one that was never raised.
        """
        version, stack = function.current_version.version, cdk.Stack.of(self).stack_name
        served = cdk.Fn.join(":", [function.function_name, alias.alias_name])
        crashes = cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="Errors",
            dimensions_map={"FunctionName": function.function_name, "Resource": served, "ExecutedVersion": version},
            statistic="Sum",
            period=_MINUTE,
        )
        failed = cloudwatch.Metric(
            namespace=stack,
            metric_name=REQUESTS_FAILED.name,
            dimensions_map={"service": REQUESTS_FAILED.service, REQUESTS_FAILED.dimension: version},
            statistic="Sum",
            period=_MINUTE,
        )
        return cloudwatch.Alarm(
            self,
            "Alarm",
            alarm_name=f"{stack}: Version {version} of the API fails",
            alarm_description="Stops the deployment of this version and takes it back.",
            metric=cloudwatch.MathExpression(
                expression="FILL(crashes, 0) + FILL(failed, 0)",
                using_metrics={"crashes": crashes, "failed": failed},
                label="failed requests",
                period=_MINUTE,
            ),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
