"""Commands that bring a stage to an account of AWS, or to an endpoint like it, and take it away again."""

from typing import Annotated, Literal

import typer

from local.quickstart import deploy_report, prerequisites, toolchain
from local.quickstart.account import Account
from local.quickstart.commands.session import DEFAULT_PORT, AsJson, examples, explained
from local.quickstart.smoke_test import Passed, SmokeTest
from local.quickstart.stack_on_aws import Stack, stack_name
from local.quickstart.stage_deployment import StageDeployment
from local.quickstart.stage_settings import settings_of, stage_with
from local.quickstart.steps import StepError, step
from local.quickstart.terminal import answer, can_ask, notices
from local.quickstart.workspace import Workspace

app = typer.Typer(rich_markup_mode="rich")
_PANEL = "On AWS"

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


@app.command(
    rich_help_panel=_PANEL,
    epilog=examples(
        "./quickstart deploy --stage dev",
        "./quickstart deploy --stage prod --profile vouchers --set countries=Peru,Latvia",
        "./quickstart deploy --stage dev --yes --json | jq -r .outputs.ApiUrl",
    ),
)
def deploy(
    *,
    stage: StageOption,
    profile: Profile = None,
    endpoint: Endpoint = None,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            "-c",
            metavar="NAME=VALUE",
            help="A setting of infra_cdk/stages.py; may be given again. Name the same ones each time.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Deploy without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deploy a stage to AWS: check, show, ask, deploy, test.

    Nothing is changed before it has asked. Without a terminal, and with --json, it wants --yes.
    """
    with explained(as_json=as_json):
        _check_that_somebody_answers(yes=yes, as_json=as_json)
        settings = settings_of(setting or [], stage)
        chosen = stage_with(settings, stage)
        workspace, account = Workspace.at(DEFAULT_PORT), Account(profile, endpoint)
        with step("Checking credentials, region and bootstrap"):
            ready = prerequisites.check(account)
        deploy_report.show_target(ready, endpoint, stage)
        toolchain.install_cdk(workspace)
        deployment = StageDeployment(workspace, account, ready, stage, settings)
        with step("Building the functions and synthesizing the stack"):
            deployment.synthesize()
        with step("Comparing with what is deployed (cdk diff)"):
            differences = deployment.differences()
        notices.print(differences, markup=False, soft_wrap=True)
        if not yes and not typer.confirm(f"Deploy {stack_name(stage)}?", err=True):
            raise StepError("nothing was deployed")
        with step("Deploying (cdk deploy)"):
            outputs = deployment.deploy()
        with step("Testing the API"):
            passed = SmokeTest(account, outputs, chosen.auth, chosen.countries[0]).run()
        if as_json:
            answer(_deployed(ready, stage, outputs, passed))
            return
        deploy_report.show_smoke_test(passed)
        deploy_report.show_next_steps(account, outputs, chosen.auth, stage)


@app.command(
    rich_help_panel=_PANEL,
    epilog=examples("./quickstart destroy --stage dev", "./quickstart destroy --stage dev --confirm dev"),
)
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

    Nothing is deleted before the stage's name was typed. Without a terminal, and with --json, it wants --confirm.
    """
    with explained(as_json=as_json):
        if confirm is None and (as_json or not can_ask()):
            raise StepError(f"there is no terminal to ask on: give --confirm {stage} if {stack_name(stage)} is to go")
        account = Account(profile, endpoint)
        with step("Looking at the stack"):
            identity = account.identity()
            stack = Stack(account, identity, stage)
            kept = stack.kept()
        deploy_report.show_end(stack, identity, account.region, kept)
        typed = confirm if confirm is not None else typer.prompt(f"Type {stage} to delete it", err=True)
        if typed != stage:
            raise StepError(f"expected {stage}, got {typed}: nothing was deleted")
        with step(f"Deleting {stack.name}"):
            stack.delete()
        if as_json:
            answer({"stage": stage, "stack": stack.name, "deleted": True, "kept": [item._asdict() for item in kept]})
            return
        deploy_report.show_kept(account, kept)


def _check_that_somebody_answers(*, yes: bool, as_json: bool) -> None:
    if not yes and (as_json or not can_ask()):
        raise StepError("there is no terminal to ask on: look at it with ./quickstart cdk diff, then give --yes")


def _deployed(
    ready: prerequisites.Ready, stage: str, outputs: dict[str, str], passed: list[Passed]
) -> dict[str, object]:
    return {
        "stage": stage,
        "stack": stack_name(stage),
        "account": ready.identity.account,
        "region": ready.region,
        "outputs": outputs,
        "smoke_test": [check._asdict() for check in passed],
    }
