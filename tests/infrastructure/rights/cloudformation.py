"""What CloudFormation asks of IAM to create, update and delete the resources of a template."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.infrastructure.rights.handlers import needed_of
from tests.infrastructure.rights.named import ACCOUNT, REGION, NamedTemplate
from tests.infrastructure.rights.policies import Request, fits

# The ARNs of a resource, by its template, logical id and properties.
type Arns = Callable[[NamedTemplate, str, Any], list[str]]

KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ASSET = f"arn:aws:s3:::cdk-hnb659fds-assets-{ACCOUNT}-{REGION}/0123.zip"
# Actions of these have no resource that a policy could name.
ON_NOTHING = (
    *("dynamodb:DescribeLimits", "kms:CreateKey", "kms:ListAliases", "logs:*Delivery", "logs:*ResourcePolic*"),
    *("logs:*QueryDefinition*", "logs:DescribeLogGroups", "sns:Unsubscribe"),
)
# Who gets a role from the stack, and which service makes itself a role.
PASSED_TO = {
    "AWS::ApiGateway::Account": "apigateway.amazonaws.com",
    "AWS::CodeDeploy::DeploymentGroup": "codedeploy.amazonaws.com",
    "AWS::Events::Rule": "events.amazonaws.com",
    "AWS::Lambda::Function": "lambda.amazonaws.com",
    "AWS::StepFunctions::StateMachine": "states.amazonaws.com",
}
MAKES_ITSELF_A_ROLE = {
    "AWS::ApiGateway::DomainName": "ops.apigateway.amazonaws.com",
    "AWS::WAFv2::LoggingConfiguration": "wafv2.amazonaws.com",
}
# The schema does not say so: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-regional-api-custom-domain-create.html
BEYOND_THE_SCHEMA = {"AWS::ApiGateway::DomainName": {"iam:CreateServiceLinkedRole"}}


def asked_by_cloudformation(kind: str, template: NamedTemplate) -> Iterator[Request]:
    """Yield what CloudFormation asks for the resources of a type, on each resource that it would be on.

    For a type that has no entry in `ARNS`, it is asked on all resources: the policy then has to name no resource.
    """
    for action in needed_of(kind) | BEYOND_THE_SCHEMA.get(kind, set()):
        yield from _asked(kind, action, template)


def _asked(kind: str, action: str, template: NamedTemplate) -> Iterator[Request]:
    service, _, name = action.partition(":")
    if any(fits(pattern, action) for pattern in ON_NOTHING):
        yield Request(action, "*")
    elif service == "iam":
        yield from _of_iam(kind, action, template)
    elif service == "kms":
        yield Request.of(action, KEY, kms__ViaService=f"{_service_of(kind)}.{REGION}.amazonaws.com")
    elif service == "s3" and name.startswith("GetObject") and not kind.startswith("AWS::S3"):
        yield Request(action, ASSET)
    elif kind in ARNS and service == _service_of(kind):
        for logical_id, properties in template.resources(kind):
            for arn in ARNS[kind](template, logical_id, properties):
                yield Request(action, arn)
    else:
        yield Request(action, "*")


def _of_iam(kind: str, action: str, template: NamedTemplate) -> Iterator[Request]:
    if action == "iam:CreateServiceLinkedRole":
        name = MAKES_ITSELF_A_ROLE.get(kind, f"a service that MAKES_ITSELF_A_ROLE names for {kind}")
        role = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{name}/AWSServiceRoleForIt"
        yield Request.of(action, role, iam__AWSServiceName=name)
        return
    for name, properties in template.resources("AWS::IAM::Role"):
        context = {"iam__PermissionsBoundary": properties["PermissionsBoundary"]}
        if action == "iam:PassRole":
            context["iam__PassedToService"] = PASSED_TO.get(kind, f"a service that PASSED_TO names for {kind}")
        yield Request.of(action, template.arn(name), **context)


def _own(template: NamedTemplate, name: str, _: Any) -> list[str]:
    return [template.arn(name)]


def _arn(form: str, *properties: str) -> Arns:
    """A function that forms an ARN with properties of a resource."""
    place = f"{REGION}:{ACCOUNT}"
    return lambda _, __, given: [form.format(*(given[each] for each in properties), place=place)]


def _function(template: NamedTemplate, _: str, given: Any) -> list[str]:
    name = given["FunctionName"]
    return [name if name.startswith("arn:") else f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"]


def _queues(_: NamedTemplate, __: str, given: Any) -> list[str]:
    return [f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}" for queue in given["Queues"]]


ARNS: Mapping[str, Arns] = {
    "AWS::DynamoDB::Table": _own,
    "AWS::Glue::Database": lambda _, __, given: [
        f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog",
        f"arn:aws:glue:{REGION}:{ACCOUNT}:database/{given['DatabaseInput']['Name']}",
    ],
    "AWS::Glue::Table": lambda _, __, given: [
        f"arn:aws:glue:{REGION}:{ACCOUNT}:catalog",
        f"arn:aws:glue:{REGION}:{ACCOUNT}:database/{given['DatabaseName']}",
        f"arn:aws:glue:{REGION}:{ACCOUNT}:table/{given['DatabaseName']}/{given['TableInput']['Name']}",
    ],
    "AWS::Lambda::Alias": _function,
    "AWS::Lambda::Function": _own,
    "AWS::Lambda::LayerVersion": _own,
    "AWS::Lambda::Permission": _function,
    "AWS::Lambda::Version": _function,
    "AWS::Logs::LogGroup": _own,
    "AWS::Logs::MetricFilter": _arn("arn:aws:logs:{place}:log-group:{0}:*", "LogGroupName"),
    "AWS::S3::Bucket": _own,
    "AWS::S3::BucketPolicy": _arn("arn:aws:s3:::{0}", "Bucket"),
    "AWS::SQS::Queue": _own,
    "AWS::SQS::QueuePolicy": _queues,
    "AWS::SSM::Parameter": _arn("arn:aws:ssm:{place}:parameter{0}", "Name"),
    "AWS::StepFunctions::StateMachine": _own,
    "Custom::S3AutoDeleteObjects": lambda _, __, given: [given["ServiceToken"]],
}


def _service_of(kind: str) -> str:
    """Return IAM's name of the service that a type is of."""
    service = kind.split("::")[1].lower()
    return {"stepfunctions": "states", "s3autodeleteobjects": "lambda"}.get(service, service)
