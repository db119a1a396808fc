"""What CloudFormation's handler of each resource type may ask for: the permissions that its schema names.

cfn-lint ships the schemas of all types. Their `handlers` name every permission that a handler may need, for any
property. `UNNEEDED` has those of properties that no template of ours has.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.infrastructure.rights.named import REGION, NamedTemplate
from tests.infrastructure.rights.policies import fits


class Unneeded(NamedTuple):
    """Permissions that no template of ours needs: they are of `properties`, which no resource of the type has."""

    kind: str
    action: str
    properties: tuple[str, ...] = ()
    why: str = ""


def permissions_of(kind: str) -> set[str]:
    """Return the permissions to create, read, update and delete resources of a type.

    CloudFormation does not list resources to deploy a stack.

    Raises
    ------
    LookupError
        The schema names none.
    """
    if kind in _CUSTOM:
        return _CUSTOM[kind]
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415 - every process of pytest imports this module

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(region=REGION, resource_type=kind).schema
    if "handlers" not in schema:
        raise LookupError(f"{kind}: its schema names no permissions; add what AWS documents to _CUSTOM in {__file__}")
    found = {
        permission
        for name, handler in schema["handlers"].items()
        for permission in handler["permissions"]
        if name != "list"
    }
    return {permission for permission in found if permission not in _NO_ACTIONS}


def needed_of(kind: str) -> set[str]:
    """Return the permissions of a type that our templates need."""
    return {
        permission
        for permission in permissions_of(kind)
        if not any(each.kind == kind and fits(each.action.lower(), permission.lower()) for each in UNNEEDED)
    }


def wrongly_unneeded(template: NamedTemplate) -> Iterator[str]:
    """Yield the properties that a template has although `UNNEEDED` says that none has them."""
    for each in UNNEEDED:
        for name, properties in template.resources(each.kind):
            yield from (f"{name}: {found}" for found in each.properties if _has(properties, found))


def _has(value: Any, name: str) -> bool:
    match value:
        case dict():
            return name in value or any(_has(part, name) for part in value.values())
        case list():
            return any(_has(part, name) for part in value)
        case _:
            return False


_CUSTOM = {"Custom::S3AutoDeleteObjects": {"lambda:InvokeFunction"}}

# Names in the schemas that are no actions of IAM.
_NO_ACTIONS = {"s3:REST.PUT.OBJECT", "s3:GetObjectMetadata", "kms:ReEncrypt"}

UNNEEDED = (
    Unneeded("AWS::ApiGateway::Method", "iam:PassRole", ("Credentials",)),
    Unneeded("AWS::ApiGateway::RestApi", "iam:PassRole", ("Body", "BodyS3Location")),
    Unneeded("AWS::ApiGateway::RestApi", "s3:GetObject", ("BodyS3Location",)),
    Unneeded("AWS::DynamoDB::Table", "iam:CreateServiceLinkedRole", ("Replicas", "KinesisStreamSpecification")),
    Unneeded("AWS::DynamoDB::Table", "kinesis:*", ("KinesisStreamSpecification",)),
    Unneeded("AWS::DynamoDB::Table", "logs:*", ("ImportSourceSpecification",)),
    Unneeded("AWS::DynamoDB::Table", "s3:*", ("ImportSourceSpecification",)),
    Unneeded("AWS::Glue::Database", "glue:*Connection", ("FederatedDatabase",)),
    Unneeded("AWS::Glue::Database", "lakeformation:*", (), "only where Lake Formation manages the catalog"),
    Unneeded("AWS::Glue::Table", "glue:PassConnection", ("ConnectionName",)),
    Unneeded("AWS::Glue::Table", "iam:PassRole", ("OpenTableFormatInput",)),
    Unneeded("AWS::Glue::Table", "lakeformation:*", (), "only where Lake Formation manages the catalog"),
    Unneeded("AWS::Glue::Table", "s3:*", ("OpenTableFormatInput",)),
    Unneeded("AWS::IAM::Policy", "iam:*GroupPolicy", ("Groups",)),
    Unneeded("AWS::IAM::Policy", "iam:*UserPolicy", ("Users",)),
    Unneeded("AWS::IAM::Role", "iam:DeleteRolePermissionsBoundary", (), "no role is to lose its boundary"),
    Unneeded("AWS::Lambda::Function", "elasticfilesystem:*", ("FileSystemConfigs",)),
    Unneeded("AWS::Lambda::Function", "lambda:PassCapacityProvider", ("CapacityProviderConfig",)),
    Unneeded("AWS::Lambda::Function", "s3files:*", ("FileSystemConfigs",)),
    Unneeded("AWS::Logs::LogGroup", "firehose:*", (), "only for log groups of the class DELIVERY"),
    Unneeded("AWS::S3::Bucket", "iam:PassRole", ("ReplicationConfiguration",)),
    Unneeded("AWS::S3::Bucket", "s3tables:*", ("MetadataConfiguration", "MetadataTableConfiguration")),
    Unneeded("AWS::SNS::Topic", "iam:*", ("DeliveryStatusLogging",)),
    Unneeded("AWS::WAFv2::LoggingConfiguration", "firehose:*", (), "the firewall logs to a log group"),
    Unneeded("AWS::WAFv2::LoggingConfiguration", "iam:DescribeOrganization", (), "IAM has no such action"),
    Unneeded("AWS::WAFv2::LoggingConfiguration", "s3:*", (), "the firewall logs to a log group"),
    Unneeded("AWS::WAFv2::WebACL", "payments:*", ("MonetizationConfig",)),
    *(
        Unneeded("AWS::WAFv2::WebACLAssociation", f"{service}:*", (), "the firewall is before a stage of API Gateway")
        for service in (
            *("amplify", "apprunner", "appsync", "bedrock-agentcore", "cognito-idp", "ec2"),
            "elasticloadbalancing",
        )
    ),
)
