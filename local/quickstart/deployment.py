"""The deployment: the real `cdk bootstrap`, `cdk synth` and `cdk deploy`, against the emulator."""

import hashlib
import json
import shutil
from pathlib import Path

from local.quickstart.record import Deployment, Record
from local.quickstart.steps import command
from local.quickstart.workspace import ACCOUNT, REGION, ROOT, STAGE, Workspace

_SOURCES = ("infra_cdk", "lambdas", "layers", "requirements", "cdk.json")
_QUIET = ("--no-notices", "--no-color")


def fingerprint(workspace: Workspace) -> str:
    """Return a digest of everything that a deployment is made from."""
    digest = hashlib.sha256(workspace.public_url.encode())
    for source in _SOURCES:
        place = ROOT / source
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def current(workspace: Workspace) -> Deployment | None:
    """Return what is deployed, if it was made from the sources as they are now."""
    deployed = Record.read(workspace.state).deployment
    return deployed if deployed and deployed.fingerprint == fingerprint(workspace) else None


def bootstrap(workspace: Workspace) -> None:
    """Make the bucket and the roles that the CDK deploys with."""
    # From outside the project: within it, the CDK would synthesize the app first.
    target = f"aws://{ACCOUNT}/{REGION}"
    log = workspace.log("deploy")
    command(
        ["cdk", "bootstrap", *_QUIET, target],
        log,
        "cdk bootstrap failed",
        cwd=workspace.state,
        env=workspace.environment,
    )


def synthesize(workspace: Workspace) -> None:
    """Build what the functions are made of, and the stack's template."""
    log = workspace.log("synth")
    shutil.rmtree(_assembly(workspace), ignore_errors=True)  # it would keep the archives of every earlier one
    context = ["-c", f"stage={STAGE}", "-c", f"endpoint={workspace.public_url}"]
    arguments = ["cdk", "synth", *_QUIET, "--quiet", *context, "--output", str(_assembly(workspace))]
    # Whatever the emulator's state: the template is made for the account it will be deployed to.
    environment = workspace.environment | {"CDK_DEFAULT_ACCOUNT": ACCOUNT, "CDK_DEFAULT_REGION": REGION}
    command(arguments, log, "cdk synth failed", cwd=ROOT, env=environment)


def deploy(workspace: Workspace) -> Deployment:
    """Deploy the synthesized stack and remember its outputs."""
    log = workspace.log("deploy")
    outputs_file = workspace.state / "outputs.json"
    arguments = ["cdk", "deploy", *_QUIET, "--app", str(_assembly(workspace)), "--require-approval", "never"]
    arguments += ["--progress", "events", "--outputs-file", str(outputs_file), "--all"]
    command(arguments, log, "cdk deploy failed", cwd=workspace.state, env=workspace.environment)
    (outputs,) = json.loads(outputs_file.read_text(encoding="utf-8")).values()
    record = Record.read(workspace.state)
    record.deployment = Deployment(
        fingerprint=fingerprint(workspace),
        api_url=outputs["ApiUrl"],
        state_machine_arn=outputs["StateMachineArn"],
        bucket=outputs["BucketName"],
        table=outputs["TableName"],
    )
    record.write(workspace.state)
    return record.deployment


def _assembly(workspace: Workspace) -> Path:
    return workspace.state / "cdk.out"
