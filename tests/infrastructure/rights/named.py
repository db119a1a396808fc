"""A synthesized template with names and ARNs in the place of its references, as CloudFormation would resolve them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

ACCOUNT = "123456789012"
REGION = "us-east-1"
_PSEUDO_PARAMETERS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::URLSuffix": "amazonaws.com",
}

# What a reference to a resource of the type gives besides its name, and its ARN. What is not here is known by its name.
_ARNS = {
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{region}:{account}:key/{name}",
    "AWS::Lambda::Alias": "lambda:{region}:{account}:function:{function}:{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::LayerVersion": "lambda:{region}:{account}:layer:{name}:1",
    "AWS::Lambda::Version": "lambda:{region}:{account}:function:{function}:1",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{name}",
    "AWS::WAFv2::WebACL": "wafv2:{region}:{account}:regional/webacl/{name}/1234abcd",
}
_REFERENCE_IS_THE_ARN = {
    "AWS::Lambda::Alias",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Version",
    "AWS::SNS::Topic",
    "AWS::StepFunctions::StateMachine",
}
# Where a stack names its resources itself, the stack's name is not part of them.
_WITHOUT_THE_STACK = {"AWS::StepFunctions::StateMachine", "AWS::Lambda::LayerVersion"}


class NamedTemplate:
    """The resources of a template, whose properties have no reference any more.

    Parameters
    ----------
    template
        The template as CloudFormation gets it.
    stack
        The stack's name. CloudFormation forms names like `<stack>-<logical id>-<random>`.
    names
        Other names for resources, by their logical ids without the hash at the end.
    """

    def __init__(self, template: Mapping[str, Any], stack: str, names: Mapping[str, str] | None = None) -> None:
        self._resources = template["Resources"]
        self._stack = stack
        self._names = names or {}

    def resources(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the logical id, without its hash, and the properties of each resource of a type."""
        for logical_id, resource in self._resources.items():
            if resource["Type"] == kind:
                yield without_hash(logical_id), self._resolved(resource.get("Properties", {}))

    @property
    def kinds(self) -> set[str]:
        """The types of the resources."""
        return {resource["Type"] for resource in self._resources.values()}

    def arn(self, start: str) -> str:
        """Return the ARN of the one resource that has one and whose logical id without its hash is this."""
        (found,) = (
            logical_id
            for logical_id, resource in self._resources.items()
            if without_hash(logical_id) == start and resource["Type"] in _ARNS
        )
        return self._arn(found)

    def _resolved(self, value: Any) -> Any:  # noqa: PLR0911 - one for each function of CloudFormation
        match value:
            case {"Ref": name}:
                return self._reference(name)
            case {"Fn::GetAtt": [name, "Arn" | "TopicArn" | "FunctionArn"]}:
                return self._arn(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return f"{self._name(name)}.{attribute}"
            case {"Fn::Join": [separator, parts]}:
                return separator.join(self._resolved(part) for part in parts)
            case {"Fn::Select": [index, parts]}:
                return self._resolved(parts)[int(index)]
            case {"Fn::Split": [separator, text]}:
                return self._resolved(text).split(separator)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^}!]+)\}", lambda found: self._reference(found[1]), text)
            case Mapping():
                return {key: self._resolved(part) for key, part in value.items()}
            case list():
                return [self._resolved(part) for part in value]
            case _:
                return value

    def _reference(self, name: str) -> str:
        if name == "AWS::StackName":
            return self._stack
        if name.startswith("AWS::"):
            return _PSEUDO_PARAMETERS[name]
        kind = self._resources[name]["Type"] if name in self._resources else ""  # else a parameter
        return self._arn(name) if kind in _REFERENCE_IS_THE_ARN else self._name(name)

    def _arn(self, logical_id: str) -> str:
        resource = self._resources[logical_id]
        properties = resource.get("Properties", {})
        function = self._resolved(properties.get("FunctionName", "")).rpartition(":")[2]
        form = _ARNS.get(resource["Type"])
        if form is None:
            raise LookupError(f"{logical_id}: no form of an ARN for {resource['Type']}; add it to _ARNS in {__file__}")
        rest = form.format(region=REGION, account=ACCOUNT, name=self._name(logical_id), function=function)
        return f"arn:aws:{rest}"

    def _name(self, logical_id: str) -> str:
        resource = self._resources.get(logical_id, {"Type": "parameter"})
        kind, plain = resource["Type"], without_hash(logical_id)
        given = resource.get("Properties", {}).get("Name" if kind == "AWS::Lambda::Alias" else _NAME_OF.get(kind, ""))
        if plain in self._names:
            return self._names[plain]
        if given:
            return str(self._resolved(given))
        formed = f"{plain}-R4ND0M" if kind in _WITHOUT_THE_STACK else f"{self._stack}-{plain}-R4ND0M"
        return formed.lower() if kind == "AWS::S3::Bucket" else formed


_NAME_OF = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}


def without_hash(logical_id: str) -> str:
    """Return a logical id without the hash that the CDK appends to most of them."""
    return re.sub(r"[0-9A-F]{8}\Z", "", logical_id)
