"""The command that proves a stage: it deploys one, tries everything, writes down what came, and deletes it."""

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from infra_cdk.stages import stack_name
from local.quickstart.aws import preflight, prerequisites
from local.quickstart.aws.account import Account
from local.quickstart.aws.answers import Plan
from local.quickstart.aws.stage_deployment import StageDeployment
from local.quickstart.commands.deploy import Endpoint, Profile, StageOption
from local.quickstart.commands.session import DEFAULT_PORT, AsJson, Commands, explained
from local.quickstart.machine import toolchain
from local.quickstart.machine.steps import StepError, step
from local.quickstart.machine.terminal import answer, can_ask, console, notices
from local.quickstart.machine.workspace import Workspace
from local.quickstart.settings.asked import asked_of
from local.quickstart.settings.starting import NOT_DEPLOYED, Start, starting_from
from local.quickstart.shown.deployment import show_notes
from local.quickstart.shown.settings import show_start

commands = Commands("On AWS")

# It leaves nothing, asks every route, has several shards and groups, and does not wait for what the API has in memory.
_SETTINGS = (
    "removal=destroy",
    "start_runs=true",
    "shard_target_rows=250000",
    "shards_per_merge=2",
    "model_refresh_seconds=1",
)


@commands.shown_with(
    "./quickstart prove --stage dev",
    "./quickstart prove --stage prod --profile vouchers --rows 10000000",
    "./quickstart prove --stage dev --yes --page evidence.md",
)
def prove(  # noqa: PLR0913 - its options
    *,
    stage: StageOption,
    profile: Profile = None,
    endpoint: Endpoint = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", "-c", metavar="NAME=VALUE", help="A setting of infra_cdk/stages.py; may be given again."),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="The rows of the large run.")] = 1_000_000,
    page: Annotated[
        Path | None, typer.Option(help="Where to write the evidence. [dim].local/evidence-<stage>.md[/]")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Deploy without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Prove a stage: deploy it under a name of its own, try everything, write the evidence, delete it.

    It runs every kind of run and compares each count with the right one, asks every route, throttles a function,
    measures lookups and a large run, and reads the logs for denied calls. At the end it deletes what it made, also
    after a failure or Ctrl-C. The exit code is 1 if a check fails.
    """
    with explained(as_json=as_json):
        if not yes and (as_json or not can_ask()):
            raise StepError("there is no terminal to ask on: a proof deploys a stack, and deletes it; give --yes")
        start = _start(setting or [], stage)
        workspace, account = Workspace.at(DEFAULT_PORT), Account(profile, endpoint)
        with step("Checking credentials, region and bootstrap"):
            target = prerequisites.check(account)
        suffix = f"prove-{secrets.token_hex(3)}"
        with step("Checking what the account allows"):
            found = preflight.check(Plan(account, target, start, stack_name(stage, suffix)))
        start = start.also(found.settings)
        # the other commands need neither numpy nor pyarrow
        from local.quickstart.proof.whole import Proof  # noqa: PLC0415
        from local.quickstart.proof.whole import prove as carried_out  # noqa: PLC0415

        proof = Proof(account, target, start.stage, suffix, rows, " ".join(["./quickstart", *sys.argv[1:]]))
        notices.print(f"  {proof.stack} in {proof.where}", markup=False)
        show_notes(found.notes)
        show_start(start)
        if not yes and not typer.confirm("Deploy it, try everything, and delete it?", err=True):
            raise StepError("nothing was deployed")
        toolchain.install(workspace, toolchain.CDK)
        deployment = StageDeployment(workspace, account, target, stage, start.settings, suffix=suffix)
        written = page or workspace.state / f"evidence-{stage}.md"
        evidence = carried_out(proof, deployment, written)
        tried, wrong = len(evidence.findings), evidence.wrong
        if as_json:
            said = [finding._asdict() for finding in wrong]
            answer({"page": str(written), "checks": tried, "wrong": said, "notes": evidence.notes})
        else:
            console.print(f"{tried - len(wrong)} of {tried} checks passed; the evidence is in {written}", markup=False)
    if wrong:
        raise typer.Exit(1)


def _start(given: list[str], stage: str) -> Start:
    """Return the settings of a proof: its own, unless they are given, and those that are given."""
    named = {each.partition("=")[0] for each in given}
    ours = [each for each in _SETTINGS if each.partition("=")[0] not in named]
    return starting_from(NOT_DEPLOYED, asked_of([*ours, *given], [], reset_all=False, stage=stage), stage, Path())
