"""A whole proof: deploy a stack of its own, try everything, delete it, and write down what came."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra_cdk.settings_record import recorded
from infra_cdk.stages import Stage, stack_name
from local.quickstart.aws.account import Account
from local.quickstart.aws.prerequisites import Target
from local.quickstart.aws.smoke_test import SmokeTest
from local.quickstart.aws.stage_deployment import StageDeployment
from local.quickstart.machine.steps import step
from local.quickstart.machine.terminal import notices
from local.quickstart.machine.workspace import ROOT
from local.quickstart.proof.cost import show_cost
from local.quickstart.proof.deployed import Deployed
from local.quickstart.proof.ending import remove
from local.quickstart.proof.evidence import Evidence
from local.quickstart.proof.faults import run_while_busy
from local.quickstart.proof.functions_log import read_logs
from local.quickstart.proof.page import Facts, page_of
from local.quickstart.proof.routes import ask_every_route
from local.quickstart.proof.runs import Runs
from local.quickstart.proof.speed import run_many, show_starts, time_lookups


@dataclass(frozen=True)
class Proof:
    """What is proven, and where: a stage with its settings, in an account, under a name of its own.

    Attributes
    ----------
    rows
        The rows of the large run.
    command
        The command line that asked for it.
    """

    account: Account
    target: Target
    stage: Stage
    suffix: str
    rows: int
    command: str

    @property
    def stack(self) -> str:
        """The name of its stack."""
        return stack_name(self.stage.name, self.suffix)

    @property
    def where(self) -> str:
        """The account and region in words, without the account's whole number."""
        at = f", at {self.account.endpoint}" if self.account.endpoint else ""
        return f"account …{self.target.identity.account[-4:]}, {self.target.region}{at}"


def prove(proof: Proof, deployment: StageDeployment, page: Path) -> Evidence:
    """Carry a proof out, and write its page; return what it found.

    Raises
    ------
    StepError
        It could not come to its end; the page has what was found until then.
    """
    evidence, began, started_at = Evidence(), time.monotonic(), datetime.now(UTC)
    try:
        with _deleted_at_the_end(proof, evidence):
            _try_everything(_deployed(proof, deployment), evidence, proof.rows)
    finally:
        minutes, settings = (time.monotonic() - began) / 60, recorded(proof.stage)
        facts = Facts(
            proof.command, _commit(), proof.stage.name, proof.stack, proof.where, started_at, minutes, settings
        )
        page.write_text(page_of(facts, evidence), encoding="utf-8")
    return evidence


def _deployed(proof: Proof, deployment: StageDeployment) -> Deployed:
    with step("Building the functions and synthesizing the stack"):
        deployment.synthesize()
    with step("Deploying (cdk deploy)", deployment.how_far):
        outputs = deployment.deploy()
    with step("Testing the API"):
        SmokeTest(proof.account, outputs, proof.stage.auth, proof.stage.countries[0]).run()
    return Deployed(proof.account, proof.stage, outputs, proof.stack)


def _try_everything(deployed: Deployed, evidence: Evidence, rows: int) -> None:
    def part(title: str, tries: Callable[[], None]) -> None:
        notices.print(title, markup=False)
        tries()

    runs = Runs(deployed, evidence)
    part("Every kind of run", runs.all)
    part("A fault that harms nothing", lambda: run_while_busy(deployed, evidence, runs))
    part("Every route", lambda: ask_every_route(deployed, evidence))
    part(f"A run of {rows:,} rows", lambda: run_many(deployed, evidence, rows))
    part("Lookups", lambda: time_lookups(deployed, evidence))
    notices.print("The functions' logs")
    reports = read_logs(deployed, evidence)
    show_starts(reports, evidence)
    show_cost(deployed, evidence, reports)


@contextmanager
def _deleted_at_the_end(proof: Proof, evidence: Evidence) -> Iterator[None]:
    """Delete the proof's stack at the end of the block, however that ends; note what came in its way."""
    try:
        yield
    except BaseException as error:
        what = "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
        evidence.compare("The proof", "it comes to its end", "to the end", what)
        raise
    finally:
        try:
            with step(f"Deleting {proof.stack}"):
                kept = remove(proof.account, proof.target.identity, proof.stage.name, proof.suffix)
        except BaseException:
            delete = f"aws cloudformation delete-stack --stack-name {proof.stack}{proof.account.options}"
            notices.print(f"{proof.stack} may still exist; delete it with: {delete}", markup=False)
            raise
        for item in kept:
            evidence.note(f"not deleted, because others in the account may use it: {item.kind} {item.name}")


def _commit() -> str:
    """Return the commit that was proven; with a plus sign if files differ from it."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)  # noqa: S603 - git
    return done.stdout.strip() or "unknown"
