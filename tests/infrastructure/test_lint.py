"""Every stage's template and the state machine's definition are what CloudFormation and Step Functions accept.

The emulator takes a definition with a transition to a state that is not there, and cfn-lint checks a definition only
where it is literal, and its transitions not at all. So it gets the definition by itself, and they are followed here.
"""

import copy
import json
from typing import Any

import pytest


def findings(template: Any) -> list[str]:
    from cfnlint import lint  # noqa: PLC0415 - every process of pytest imports this module
    from cfnlint.config import ManualArgs  # noqa: PLC0415

    config = ManualArgs(regions=["eu-west-1"], ignore_checks=["W3005"])  # the CDK names dependencies twice
    return [f"{match.rule.id} {match.message}" for match in lint(json.dumps(template), config=config)]


def machine_template(definition: Any) -> Any:
    role = "arn:aws:iam::123456789012:role/pipeline"
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"RoleArn": role, "Definition": definition}}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": machine}}


def loose_ends(machine: Any) -> list[str]:
    """Transitions to states that are not there, and states that no transition leads to, also inside of maps."""
    states, reached, loose = machine["States"], {machine["StartAt"]}, []
    for name, state in states.items():
        branches = [state, *state.get("Catch", []), *state.get("Choices", [])]
        targets = {branch[key] for branch in branches for key in ("Next", "Default") if key in branch}
        reached |= targets
        loose += [f"{name} leads to {target}" for target in sorted(targets - states.keys())]
        if "ItemProcessor" in state:
            loose += loose_ends(state["ItemProcessor"])
    return loose + [f"nothing leads to {name}" for name in states if name not in reached]


@pytest.fixture
def broken(local, definition_of):
    return copy.deepcopy(definition_of(local))


def test_cloudformation_accepts_the_template(each_stage):
    assert findings(each_stage.json) == []


def test_cloudformation_accepts_the_template_with_all_guards(guarded):
    assert findings(guarded.json) == []


def test_step_functions_accepts_the_definition(each_stage, definition_of):
    assert findings(machine_template(definition_of(each_stage))) == []


def test_every_transition_leads_to_a_state_and_every_state_is_reached(each_stage, definition_of):
    assert loose_ends(definition_of(each_stage)) == []


def test_the_check_sees_a_start_that_is_not_there(broken):
    broken["States"]["CleanShards"]["ItemProcessor"]["StartAt"] = "Nowhere"

    assert any(finding.startswith("E3601 Missing") for finding in findings(machine_template(broken)))


def test_the_check_sees_a_misspelt_field(broken):
    broken["States"]["CleanShards"]["MaxConcurency"] = 4

    assert any("MaxConcurency" in finding for finding in findings(machine_template(broken)))


def test_the_check_sees_transitions_that_lead_nowhere(broken):
    broken["States"]["Ingest"]["Next"] = "Nowhere"
    broken["States"]["CleanShards"]["ItemProcessor"]["States"]["Clean"]["Catch"][0]["Next"] = "Nowhere"

    assert loose_ends(broken) == [
        "Ingest leads to Nowhere",
        "Clean leads to Nowhere",
        "nothing leads to RecordCleanShardFailure",
        "nothing leads to ByPlan",
    ]
