"""Each stage is synthesized once a session, in this process and without building anything."""

import functools
import json
import re
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import infra_cdk  # noqa: F401 - names the Node.js that aws_cdk starts

# isort: split
import aws_cdk as cdk
from aws_cdk.assertions import Template

from infra_cdk.stack import VoucherSelection
from infra_cdk.stages import Stage, stage
from layers.build.archives import Archive
from layers.build.packages import Packages
from voucher_selection.contract.functions import ALL_FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("local", "dev", "prod")
ALL_GUARDS = {
    "auth": "iam",
    "start_runs": True,
    "source_buckets": ("histories",),
    "kms_key": "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "former_kms_keys": ("arn:aws:kms:eu-west-1:123456789012:key/5678efab-12ab-34cd-56ef-1234567890ab",),
    "source_kms_keys": ("arn:aws:kms:eu-west-1:210987654321:key/9abcdef0-12ab-34cd-56ef-1234567890ab",),
    "permissions_boundary": "team-boundary",
    "subnet_ids": ("subnet-0a1b2c3d", "subnet-0b2c3d4e"),
    "security_group_ids": ("sg-0c3d4e5f",),
    "waf": True,
    "waf_common_version": "Version_1.19",
    "waf_bad_inputs_version": "Version_1.22",
    "api_log_role": "own",
    "domain_name": "vouchers.example.com",
    "certificate_arn": "arn:aws:acm:eu-west-1:123456789012:certificate/1234abcd-12ab-34cd-56ef-1234567890ab",
    "hosted_zone_id": "Z0123456789ABC",
}
"""Every setting that guards a stage on AWS, and those that give it more rights."""


class Synthesized(NamedTuple):
    """A stage, and what CloudFormation is given for it."""

    stage: Stage
    template: Template
    json: dict[str, Any]
    stack: VoucherSelection

    def resources(self, kind: str) -> dict[str, Any]:
        """The properties of all resources of a type, by logical id."""
        found = self.template.find_resources(kind)
        return {name: resource.get("Properties", {}) for name, resource in found.items()}

    def only(self, kind: str) -> dict[str, Any]:
        """The properties of the one resource of a type."""
        (properties,) = self.resources(kind).values()
        return properties

    def named(self, kind: str, start: str) -> dict[str, Any]:
        """The properties of the one resource of a type whose logical id starts like this."""
        (properties,) = (found for name, found in self.resources(kind).items() if name.startswith(start))
        return properties

    def function(self, name: str) -> dict[str, Any]:
        """The properties of the function whose state or purpose has this name."""
        (properties,) = (
            properties
            for properties in self.resources("AWS::Lambda::Function").values()
            if properties["Handler"] == f"{name}.handler.lambda_handler"
        )
        return properties

    def rights(self, role: str) -> dict[str, set[str]]:
        """What a role may do: each action with the resources it may do it to, as `name` or `name/prefix/*`."""
        (policies,) = (
            properties["Policies"]
            for logical_id, properties in self.resources("AWS::IAM::Role").items()
            if logical_id.startswith(role)
        )
        return rights_of(statement for policy in policies for statement in policy["PolicyDocument"]["Statement"])


def rights_of(statements: Any) -> dict[str, set[str]]:
    """The actions that policy statements allow, with the resources of each."""
    rights: dict[str, set[str]] = {}
    for statement in statements:
        assert statement["Effect"] == "Allow"
        for action in _many(statement["Action"]):
            rights.setdefault(action, set()).update(map(plain, _many(statement["Resource"])))
    return rights


def plain(value: Any) -> str:
    """A resource as text: references become the logical id without its hash."""
    match value:
        case str():
            return value
        case {"Ref": str(name)} if name.startswith("AWS::"):
            return f"<{name}>"
        case {"Ref": name} | {"Fn::GetAtt": [name, _]}:
            return re.sub(r"(?<=CurrentVersion)[0-9A-F]{8}[0-9a-f]{32}$", "", name).rstrip("0123456789ABCDEF")
        case {"Fn::Join": [separator, parts]}:
            return separator.join(map(plain, parts))
        case {"Fn::Select": [6, _]}:
            return "<name>"
        case _:
            raise AssertionError(value)


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Archives that stand for the built ones, with the layers of the AWS stages."""
    folder = tmp_path_factory.mktemp("packages")

    def archive(name: str) -> Archive:
        path = folder / f"{name}.zip"
        with zipfile.ZipFile(path, "w") as target:
            target.writestr("placeholder", name)
        return Archive(path, name.encode().hex().ljust(64, "0"))

    return Packages(
        {name: archive(name) for name in ALL_FUNCTIONS}, {name: archive(name) for name in ("shared", "analytics")}
    )


@pytest.fixture(scope="session")
def synthesize_anew(packages: Packages) -> Any:
    """Return a function that synthesizes a stage, with settings of its own, each time it is called."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]

    def synthesized(name: str, **settings: Any) -> Synthesized:
        chosen = stage(name, **settings)
        app = cdk.App(context=context, builtin_cloud_formation_validation=False)
        given = packages if chosen.packaging == "layers" else Packages(packages.functions, {})
        stack = VoucherSelection(app, chosen.stack_name, stage=chosen, packages=given)
        template = Template.from_stack(stack)
        return Synthesized(chosen, template, template.to_json(), stack)

    return synthesized


@pytest.fixture(scope="session")
def synthesize(synthesize_anew: Any) -> Any:
    """Return a function that synthesizes a stage, with settings of its own, once for all tests."""
    return functools.cache(synthesize_anew)


@pytest.fixture(scope="session", params=STAGES)
def each_stage(request: pytest.FixtureRequest, synthesize: Any) -> Synthesized:
    """Every stage, one after the other."""
    return synthesize(request.param)


@pytest.fixture(scope="session")
def local(synthesize: Any) -> Synthesized:
    """The local stage."""
    return synthesize("local")


@pytest.fixture(scope="session")
def dev(synthesize: Any) -> Synthesized:
    """The dev stage."""
    return synthesize("dev")


@pytest.fixture(scope="session")
def prod(synthesize: Any) -> Synthesized:
    """The prod stage."""
    return synthesize("prod")


@pytest.fixture(scope="session")
def guarded(synthesize: Any) -> Synthesized:
    """The prod stage with all its guards."""
    return synthesize("prod", **ALL_GUARDS)


@pytest.fixture(scope="session")
def definition_of() -> Any:
    """Return a function that reads a stage's state machine definition, with plain names instead of references."""

    def definition(synthesized: Synthesized) -> dict[str, Any]:
        text = plain(synthesized.only("AWS::StepFunctions::StateMachine")["DefinitionString"])
        return json.loads(text.replace("<AWS::Partition>", "aws"))

    return definition
