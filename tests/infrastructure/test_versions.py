"""A run, and an API, end with the code that they began with: they call versions, and old versions stay."""

import dataclasses
import json
from typing import Any

import pytest

import infra_cdk  # noqa: F401 - names the Node.js that aws_cdk starts

# isort: split
import aws_cdk as cdk
from aws_cdk.assertions import Template

from infra_cdk.stack import VoucherSelection
from infra_cdk.stages import stage
from layers.build.packages import Packages
from tests.infrastructure.conftest import ROOT, Synthesized, plain

OF_RUNS = {"Ingest", "Clean", "Assign", "Model"}
ALL = OF_RUNS | {"WhatIf", "Api"}


def versions(synthesized: Synthesized) -> dict[str, str]:
    """The logical ids of the versions by function: CloudFormation publishes a version that has another id."""
    found = synthesized.resources("AWS::Lambda::Version")
    return {plain({"Ref": name}).removeprefix("Functions").removesuffix("CurrentVersion"): name for name in found}


def versions_of(packages: Packages) -> dict[str, str]:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(context=context, builtin_cloud_formation_validation=False)
    dev = stage("dev", monitoring=False)
    stack = VoucherSelection(app, dev.stack_name, stage=dev, packages=packages)
    template = Template.from_stack(stack)
    return versions(Synthesized(dev, template, template.to_json(), stack))


def published(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """The functions of which an update publishes a version."""
    return {name for name in after if after[name] != before[name]}


def newer(packages: Packages, part: str, *names: str) -> Packages:
    archives = dict(getattr(packages, part))
    archives |= {name: dataclasses.replace(archives[name], digest="f" * 64) for name in names}
    return dataclasses.replace(packages, **{part: archives})


@pytest.fixture(scope="module")
def before(packages: Packages) -> dict[str, str]:
    return versions_of(packages)


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_each_state_calls_the_version_of_this_deployment(request: pytest.FixtureRequest, name: str, definition_of: Any):
    states = json.dumps(definition_of(request.getfixturevalue(name)))

    for function in OF_RUNS:
        assert f'"FunctionName": "Functions{function}CurrentVersion"' in states
        assert f'"FunctionName": "Functions{function}"' not in states


def test_the_emulator_runs_the_functions_themselves(local: Synthesized, definition_of: Any):
    assert '"FunctionName": "FunctionsIngest"' in json.dumps(definition_of(local))
    assert local.rights("PipelineRole")["lambda:InvokeFunction"] == {f"Functions{name}" for name in OF_RUNS | {"Inbox"}}
    assert versions(local) == {}


def test_a_run_in_flight_finds_the_versions_of_before_and_may_still_call_them(prod: Synthesized):
    policies = {name: prod.json["Resources"][version]["DeletionPolicy"] for name, version in versions(prod).items()}

    # what the update of a stack removes from it; a version whose creation is taken back goes
    assert policies == dict.fromkeys(OF_RUNS | {"WhatIf"}, "RetainExceptOnCreate") | {"Api": "Delete"}
    assert prod.rights("PipelineRole")["lambda:InvokeFunction"] == {f"Functions{name}:*" for name in OF_RUNS}


def test_an_api_asks_the_what_if_that_it_was_deployed_with(dev: Synthesized):
    asked = dev.function("api")["Environment"]["Variables"]["WHAT_IF_FUNCTION"]

    assert plain(asked) == "FunctionsWhatIf:FunctionsWhatIfCurrentVersion"
    assert versions(dev)["WhatIf"] in json.dumps(asked)
    assert dev.rights("FunctionsApiRole")["lambda:InvokeFunction"] == {"FunctionsWhatIf:*"}


def test_an_unchanged_deployment_publishes_nothing(packages: Packages, before: dict[str, str]):
    assert before.keys() == ALL
    assert published(before, versions_of(packages)) == set()


@pytest.mark.parametrize(
    ("part", "name", "expected"),
    [
        ("functions", "clean", {"Clean"}),
        ("functions", "api", {"Api"}),
        # an API that asks another WhatIf is another API
        ("functions", "what_if", {"WhatIf", "Api"}),
        ("layers", "analytics", ALL),
        ("layers", "shared", ALL),
    ],
)
def test_new_code_gives_new_versions_to_what_has_it(
    packages: Packages, before: dict[str, str], part: str, name: str, expected: set[str]
):
    assert published(before, versions_of(newer(packages, part, name))) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"batch_rows": 1_000}, {"Clean", "Assign"}),
        ({"clean_memory_mb": 2_048}, {"Clean"}),
        ({"kept_versions": 3}, {"Model"}),
        ({"max_concurrency": 5, "log_days": 30, "clean_reserved_concurrency": 5}, set()),
    ],
)
def test_a_setting_gives_new_versions_to_what_it_changes(
    synthesize: Any, dev: Synthesized, settings: dict[str, int], expected: set[str]
):
    assert published(versions(dev), versions(synthesize("dev", **settings))) == expected


def test_instances_are_reserved_only_where_the_stage_says_so(synthesize: Any, dev: Synthesized):
    reserved = synthesize("dev", api_reserved_concurrency=7, clean_reserved_concurrency=5)

    assert [reserved.function(name)["ReservedConcurrentExecutions"] for name in ("api", "clean")] == [7, 5]
    for synthesized, name in ((dev, "api"), (dev, "clean"), (reserved, "assign"), (reserved, "model")):
        assert "ReservedConcurrentExecutions" not in synthesized.function(name)
