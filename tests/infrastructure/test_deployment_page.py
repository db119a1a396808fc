"""The files beside docs/deployment.md: a workflow that GitHub takes, and policies that fit what is deployed."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from infra_cdk.context import stage_from_context

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLES = DOCS / "examples"
PAGE = DOCS / "deployment.md"
NOT_OF_RESOURCES = {"lambda:GetAccountSettings", "wafv2:ListAvailableManagedRuleGroupVersions"}
"""Actions that IAM allows for the whole account only."""


def statements(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((EXAMPLES / name).read_text())["Statement"]
    return found


def actions_of(statement: dict[str, Any]) -> set[str]:
    found = statement["Action"]
    return {found} if isinstance(found, str) else set(found)


def actions(name: str) -> set[str]:
    return {action for statement in statements(name) for action in actions_of(statement)}


def test_the_workflow_is_one_that_github_takes():
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.github-workflows"]

    done = subprocess.run([*command, str(EXAMPLES / "deploy.yml")], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_has_a_token_and_no_key_and_deploys_both_stages_in_order():
    text = (EXAMPLES / "deploy.yml").read_text()
    workflow = yaml.safe_load(text)

    assert workflow["permissions"] == {"contents": "read", "id-token": "write"}
    assert "secrets." not in text
    assert "access-key" not in text
    for stage in ("dev", "prod"):
        job = workflow["jobs"][stage]
        assert job["environment"] == stage
        assert f"./quickstart deploy --stage {stage} --yes" in job["steps"][-1]["run"]


def test_the_workflow_shows_what_prod_would_become_before_anybody_approves_it():
    jobs = yaml.safe_load((EXAMPLES / "deploy.yml").read_text())["jobs"]

    assert [jobs["plan"]["needs"], jobs["prod"]["needs"]] == ["dev", "plan"]
    # prod's own environment would wait for the approval, and its role could deploy
    assert jobs["plan"]["environment"] == "prod-plan"
    planned, deployed = jobs["plan"]["steps"][2]["run"], jobs["prod"]["steps"][-1]["run"]
    assert planned.partition(" 2>&1")[0] == deployed.replace("--yes", "--plan")
    assert jobs["plan"]["steps"][-1]["with"]["path"] in planned


def test_the_workflow_signs_what_it_deployed_and_may_do_nothing_else_then():
    job = yaml.safe_load((EXAMPLES / "deploy.yml").read_text())["jobs"]["provenance"]

    assert job["needs"] == "prod"
    assert "environment" not in job  # which would give it a role
    assert job["permissions"] == {"contents": "read", "id-token": "write", "attestations": "write"}
    actions = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
    assert {"actions/attest-build-provenance", "actions/attest-sbom"} <= {*actions}
    assert "./quickstart release --set countries=Peru,Latvia" in [step.get("run") for step in job["steps"]]


def test_only_one_environment_of_one_repository_gets_the_role():
    (statement,) = statements("deployer-trust.json")

    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:<owner>/<repository>:environment:<stage>",
        }
    }


def test_the_deployer_can_do_nothing_but_take_the_bootstraps_roles_and_read_what_the_command_reads():
    assert actions("deployer-policy.json") == {
        "sts:AssumeRole",
        "ssm:GetParameter",
        "apigateway:GET",
        *NOT_OF_RESOURCES,
    }
    for statement in statements("deployer-policy.json"):
        if not NOT_OF_RESOURCES.issuperset(actions_of(statement)):
            assert "*" not in str(statement["Resource"]).removesuffix("/apikeys/*")


def test_the_planner_can_take_no_role_that_changes_anything():
    taken = [s["Resource"] for s in statements("planner-policy.json") if s["Action"] == "sts:AssumeRole"]

    assert taken == ["arn:aws:iam::<account>:role/cdk-hnb659fds-lookup-role-<account>-<region>"]
    assert actions("planner-policy.json") == actions("deployer-policy.json")
    assert "apikeys" not in json.dumps(statements("planner-policy.json"))


def test_every_setting_that_the_page_names_can_be_set():
    named = dict(re.findall(r"(?:-c|--set) ([a-z_]+)=([\w.,-]+)", PAGE.read_text()))

    assert {"countries", "packaging", "wheels", "removal"} <= set(named)
    for name, value in named.items():
        if name != "stage":
            assert stage_from_context({"stage": "dev", name: value})


def test_every_file_that_the_page_links_is_there():
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE.read_text())

    assert [link for link in links if not (DOCS / link).exists()] == []
