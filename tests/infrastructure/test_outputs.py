"""Whatever a stack tells its deployer, SSM tells other stacks and programs: below the stack's name."""

from typing import Any

import pytest

from tests.infrastructure.conftest import Synthesized

ALWAYS = {"ApiUrl", "StateMachineArn", "BucketName", "TableName", "FailureTopicArn"}


def parameters(synthesized: Synthesized) -> dict[str, Any]:
    return {found["Name"]: found["Value"] for found in synthesized.resources("AWS::SSM::Parameter").values()}


@pytest.mark.parametrize("name", ["dev", "prod", "guarded"])
def test_every_output_but_the_settings_is_a_parameter(request: pytest.FixtureRequest, name: str):
    synthesized: Synthesized = request.getfixturevalue(name)
    outputs = {name: output["Value"] for name, output in synthesized.json["Outputs"].items() if name != "Settings"}

    assert outputs.keys() >= ALWAYS
    assert parameters(synthesized) == {
        f"/voucher-selection/{synthesized.stack.stack_name}/{name}": value for name, value in outputs.items()
    }


def test_a_stack_beside_has_parameters_of_its_own(synthesize: Any, dev: Synthesized):
    beside = parameters(synthesize("dev", suffix="trial-1"))

    assert "/voucher-selection/VoucherSelection-dev-trial-1/ApiUrl" in beside
    assert beside.keys().isdisjoint(parameters(dev))


def test_the_emulator_starts_sooner_without_them(local: Synthesized):
    assert parameters(local) == {}
