"""Commands that deploy a stage to an account of AWS, or to an endpoint like it, and delete it."""

from typing import Annotated, Literal

import typer

from infra_cdk.settings_record import recorded
from infra_cdk.stages import stack_name
from local.quickstart.aws import preflight, prerequisites
from local.quickstart.aws.account import Account, Role
from local.quickstart.aws.answers import Plan
from local.quickstart.aws.smoke_test import SmokeTest
from local.quickstart.aws.stack import Stack, deployed_settings
from local.quickstart.aws.stage_deployment import StageDeployment
from local.quickstart.commands.session import DEFAULT_PORT, AsJson, Commands, Given, Reset, ResetAll, explained
from local.quickstart.machine import toolchain
from local.quickstart.machine.steps import StepError, step
from local.quickstart.machine.terminal import answer, can_ask, notices
from local.quickstart.machine.workspace import Workspace
from local.quickstart.settings.asked import asked_of
from local.quickstart.settings.starting import Start, starting_from
from local.quickstart.shown.deployment import (
    show_end,
    show_next_steps,
    show_notes,
    show_retained,
    show_smoke_test,
    show_target,
)
from local.quickstart.shown.settings import show_gone, show_start

commands = Commands("On AWS")

StageOption = Annotated[Literal["dev", "prod"], typer.Option("--stage", help="Which stage.")]
Profile = Annotated[
    str | None, typer.Option(help="A profile of ~/.aws/config; default: the credentials of the environment.")
]
Endpoint = Annotated[
    str | None,
    typer.Option(
        envvar="AWS_ENDPOINT_URL", metavar="URL", help="Another implementation of AWS's services; default: AWS."
    ),
]


@commands.shown_with(
    "./quickstart deploy --stage dev",
    "./quickstart deploy --stage prod --profile vouchers --set countries=Peru,Latvia",
    "./quickstart deploy --stage prod --reset alarm_email",
    "./quickstart deploy --stage prod --plan",
    "./quickstart deploy --stage dev --yes --json | jq -r .outputs.ApiUrl",
)
def deploy(  # noqa: PLR0913 - its options
    *,
    stage: StageOption,
    profile: Profile = None,
    endpoint: Endpoint = None,
    setting: Given = None,
    reset: Reset = None,
    reset_all: ResetAll = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Deploy without asking.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Check and show, with rights to read only.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deploy a stage to AWS: check, show, ask, deploy, test.

    It starts from the deployed settings, and lists which of them change.
    It changes nothing before it has asked. Without a terminal, and with --json, it needs --yes or --plan.
    """
    with explained(as_json=as_json):
        _check_that_somebody_answers(yes=yes or plan, as_json=as_json)
        asked = asked_of(setting or [], reset or [], reset_all=reset_all, stage=stage)
        workspace, account = Workspace.at(DEFAULT_PORT), Account(profile, endpoint)
        role: Role = "lookup" if plan else "deploy"
        with step("Checking credentials, region and bootstrap"):
            target = prerequisites.check(account)
        show_target(target, endpoint, stage)
        with step("Reading the deployed settings"):
            deployed = deployed_settings(account, target.identity, stage, role)
        start = starting_from(deployed, asked, stage, workspace.state)
        with step("Checking what the account allows"):
            found = preflight.check(Plan(account, target, start, stack_name(stage)))
        start = start.also(found.settings)
        toolchain.install(workspace, toolchain.CDK)
        deployment = StageDeployment(workspace, account, target, stage, start.settings)
        with step("Building the functions and synthesizing the stack"):
            deployment.synthesize()
        with step("Comparing with what is deployed (cdk diff)"):
            differences = deployment.differences(role)
        notices.print(differences, markup=False)
        show_notes(found.notes)
        show_start(start)
        if plan:
            if as_json:
                answer(_planned(target, start) | {"differences": differences, "notes": found.notes})
            return
        if not yes and not typer.confirm(f"Deploy {stack_name(stage)}?", err=True):
            raise StepError("nothing was deployed")
        with step("Deploying (cdk deploy)", deployment.how_far):
            outputs = deployment.deploy()
        with step("Testing the API"):
            passed = SmokeTest(account, outputs, start.stage.auth, start.stage.countries[0]).run()
        if as_json:
            tested = [check._asdict() for check in passed]
            answer(_planned(target, start) | {"outputs": outputs, "smoke_test": tested})
            return
        show_smoke_test(passed)
        show_next_steps(account, outputs, start.stage.auth, stage)


@commands.shown_with("./quickstart destroy --stage dev", "./quickstart destroy --stage dev --confirm dev")
def destroy(
    *,
    stage: StageOption,
    profile: Profile = None,
    endpoint: Endpoint = None,
    confirm: Annotated[
        str | None, typer.Option(metavar="STAGE", help="The stage's name again, instead of typing it when asked.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Delete a stage's stack; on prod, its data stays.

    It deletes nothing before you have typed the stage's name. Without a terminal, and with --json, it needs --confirm.
    """
    with explained(as_json=as_json):
        if confirm is None and (as_json or not can_ask()):
            raise StepError(f"there is no terminal to ask on: give --confirm {stage} to delete {stack_name(stage)}")
        account = Account(profile, endpoint)
        with step("Reading the stack"):
            identity = account.identity()
            stack = Stack(account, identity, stage)
            retained, settings = stack.retained(), dict(stack.settings.settings or {})
        show_end(stack, identity, account.region, retained)
        typed = confirm if confirm is not None else typer.prompt(f"Type {stage} to delete it", err=True)
        if typed != stage:
            raise StepError(f"expected {stage}, got {typed}: nothing was deleted")
        with step(f"Deleting {stack.name}"):
            stack.delete()
        if as_json:
            gone = {"kept": [item._asdict() for item in retained], "settings": settings}
            answer({"stage": stage, "stack": stack.name, "deleted": True, **gone})
            return
        show_retained(account, retained)
        command = f"./quickstart deploy --stage {stage}{account.own_options}"
        show_gone(settings, stage, Workspace.at(DEFAULT_PORT).state, command)


def _check_that_somebody_answers(*, yes: bool, as_json: bool) -> None:
    if not yes and (as_json or not can_ask()):
        raise StepError("there is no terminal to ask on: look at it with --plan, then give --yes")


def _planned(target: prerequisites.Target, start: Start) -> dict[str, object]:
    return {
        "stage": start.stage.name,
        "stack": stack_name(start.stage.name),
        "account": target.identity.account,
        "region": target.region,
        "settings": recorded(start.stage),
    }
