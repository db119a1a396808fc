"""A stage's deployment to an account: synthesized once, then compared and deployed exactly as compared."""

from collections.abc import Mapping

from local.quickstart.aws.account import Account, Role
from local.quickstart.aws.api_address import reachable
from local.quickstart.aws.prerequisites import Target
from local.quickstart.machine import cdk
from local.quickstart.machine.going import HowFar
from local.quickstart.machine.steps import command
from local.quickstart.machine.workspace import Workspace

_METHODS: Mapping[Role, str] = {"deploy": "auto", "lookup": "template"}


class StageDeployment:
    """The deployment of one stage to a target, with the settings that differ from the stage's defaults.

    A suffix makes it a stack of its own beside the stage's: nothing of one stack has the name of another's.
    Its methods raise `StepError` as the CDK's commands do.
    """

    def __init__(
        self,
        workspace: Workspace,
        account: Account,
        target: Target,
        stage: str,
        settings: Mapping[str, str],
        *,
        suffix: str = "",
    ) -> None:
        self._folder, self._endpoint = workspace.state, account.endpoint
        name, beside = (f"{stage}-{suffix}", {"suffix": suffix}) if suffix else (stage, {})
        self._context = {"stage": stage, **beside, **settings}
        self._assembly = workspace.state / f"cdk-{name}.out"
        self._outputs = workspace.state / f"outputs-{name}.json"
        self._log = workspace.log(f"deploy-{name}")
        self._environment = account.environment(workspace.environment["PATH"]) | {
            "CDK_DEFAULT_ACCOUNT": target.identity.account,
            "CDK_DEFAULT_REGION": target.region,
        }

    def synthesize(self) -> None:
        """Build the functions and the template."""
        cdk.synthesize(self._assembly, self._context, self._log, self._environment)

    def differences(self, role: Role = "deploy") -> str:
        """Return what the deployment would change, in the words of the CDK, without its warnings and uploads before.

        With the right to deploy, CloudFormation says itself what it would replace; else the CDK compares the templates.
        """
        arguments = ["cdk", "diff", *cdk.QUIET, "--app", str(self._assembly), "--method", _METHODS[role]]
        command(arguments, self._log, "cdk diff failed", cwd=self._folder, env=self._environment)
        _, _, output = self._log.read_text(encoding="utf-8", errors="replace").rpartition("$ cdk diff ")
        _, start, differences = output.partition("\nStack ")
        return f"{start.strip()} {differences}".strip() if start else output.partition("\n")[2].strip()

    def deploy(self) -> dict[str, str]:
        """Deploy what was synthesized; return the outputs, with the API's address as it is reached from here."""
        outputs = cdk.deploy(self._assembly, self._outputs, self._log, self._environment)
        return outputs | {"ApiUrl": reachable(outputs["ApiUrl"], self._endpoint)}

    def how_far(self) -> HowFar | None:
        """Return how many resources the deployment that goes on has done."""
        return cdk.resources_done(self._log)
