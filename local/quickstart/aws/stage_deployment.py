"""A stage's deployment to an account: synthesized once, then compared and deployed exactly as compared."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from local.quickstart.aws.account import Account
from local.quickstart.aws.prerequisites import Target
from local.quickstart.machine import cdk
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.workspace import Workspace


class StageDeployment:
    """The deployment of one stage.

    Parameters
    ----------
    workspace
        The folder of its template and logs.
    account
        The account that it is deployed to.
    target
        What the prerequisites found there.
    stage
        The stage's name.
    settings
        Settings that differ from the stage's defaults.
    """

    def __init__(
        self, workspace: Workspace, account: Account, target: Target, stage: str, settings: Mapping[str, str]
    ) -> None:
        self._workspace = workspace
        self._stage = stage
        self._settings = settings
        self._assembly = workspace.state / f"cdk-{stage}.out"
        self._environment = account.environment(workspace.environment["PATH"]) | {
            "CDK_DEFAULT_ACCOUNT": target.identity.account,
            "CDK_DEFAULT_REGION": target.region,
        }

    @property
    def log(self) -> Path:
        """The output of the CDK."""
        return self._workspace.log(f"deploy-{self._stage}")

    def synthesize(self) -> None:
        """Build the functions and the template.

        Raises
        ------
        StepError
            A package cannot be built, or the CDK refuses the app.
        """
        cdk.synthesize(self._assembly, {"stage": self._stage, **self._settings}, self.log, self._environment)

    def differences(self) -> str:
        """Return what the deployment would change, in the words of the CDK.

        Raises
        ------
        StepError
            The CDK cannot compare.
        """
        arguments = ["cdk", "diff", *cdk.QUIET, "--app", str(self._assembly)]
        with self.log.open("ab") as log:
            done = subprocess.run(  # noqa: S603 - our own command
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                cwd=self._workspace.state,
                env=self._environment,
                check=False,
            )
            log.write(f"$ {' '.join(arguments)}\n{done.stdout}".encode())
        if done.returncode:
            raise StepError(f"cdk diff failed (exit code {done.returncode})", self.log)
        return _from_the_stack_on(done.stdout)

    def deploy(self) -> dict[str, str]:
        """Deploy what was synthesized; return the stack's outputs.

        Raises
        ------
        StepError
            CloudFormation failed; it has returned to the earlier deployment, if there was one.
        """
        outputs = self._workspace.state / f"outputs-{self._stage}.json"
        return cdk.deploy(self._assembly, outputs, self.log, self._environment)


def _from_the_stack_on(said: str) -> str:
    """Return the CDK's output from the stack on, without its warnings and uploads before."""
    _, start, differences = said.partition("\nStack ")
    return f"{start.strip()} {differences}".strip() if start else said.strip()
