"""The API starts from a snapshot on AWS: a published version, behind an alias that API Gateway calls."""

import dataclasses
import json
from pathlib import Path

import pytest

import infra_cdk  # noqa: F401 - names the Node.js that aws_cdk starts

# isort: split
import aws_cdk as cdk
from aws_cdk.assertions import Template

from infra_cdk.stack import VoucherSelection
from infra_cdk.stages import stage
from layers.build.packages import Packages
from voucher_selection.contract.functions import ALL_FUNCTIONS, API

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", params=["dev", "prod"])
def on_aws(request, synthesize):
    return synthesize(request.param, inbox=True)


def versions(packages: Packages) -> set[str]:
    """The logical ids of the published versions: CloudFormation publishes one that has another id."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=context, builtin_cloud_formation_validation=False)
    stack = VoucherSelection(app, "VoucherSelection-dev", stage=stage("dev"), packages=packages)
    return set(Template.from_stack(stack).find_resources("AWS::Lambda::Version"))


def test_only_the_api_starts_from_a_snapshot(on_aws):
    assert on_aws.function("api")["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert not any("SnapStart" in on_aws.function(name) for name in ALL_FUNCTIONS if name != API)


def test_api_gateway_calls_the_alias_of_the_published_version(on_aws):
    (alias,) = on_aws.resources("AWS::Lambda::Alias")
    (version,) = (name for name in on_aws.resources("AWS::Lambda::Version") if name.startswith("FunctionsApi"))

    assert on_aws.only("AWS::Lambda::Alias")["FunctionVersion"] == {"Fn::GetAtt": [version, "Version"]}
    permissions = on_aws.resources("AWS::Lambda::Permission").values()
    (of_gateway,) = (each for each in permissions if each["Principal"] == "apigateway.amazonaws.com")
    assert of_gateway["FunctionName"] == {"Ref": alias}
    for method in on_aws.resources("AWS::ApiGateway::Method").values():
        assert f'{{"Ref": "{alias}"}}' in json.dumps(method["Integration"]["Uri"])


def test_the_emulator_which_takes_no_snapshots_runs_the_function_itself(local):
    assert "SnapStart" not in local.function("api")
    assert not local.resources("AWS::Lambda::Version")
    assert not local.resources("AWS::Lambda::Alias")


def test_where_a_region_has_no_snapstart_the_version_starts_without(synthesize):
    without = synthesize("dev", snap_start=False)

    assert "SnapStart" not in without.function("api")
    assert without.only("AWS::Lambda::Alias")["FunctionVersion"]["Fn::GetAtt"][0].startswith(
        "FunctionsApiCurrentVersion"
    )


@pytest.mark.parametrize("part", ["functions", "layers"])
def test_new_code_is_published_wherever_it_is(packages: Packages, part: str):
    newer = {name: dataclasses.replace(archive, digest="f" * 64) for name, archive in getattr(packages, part).items()}

    assert versions(packages).isdisjoint(versions(dataclasses.replace(packages, **{part: newer})))
    assert versions(packages) == versions(packages)
