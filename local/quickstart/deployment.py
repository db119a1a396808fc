"""The deployment: the real `cdk bootstrap`, `cdk synth` and `cdk deploy`, against the emulator."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from infra_cdk import settings_record
from infra_cdk.context import FROM_DEPLOYED
from infra_cdk.stages import Stage
from local.quickstart.record import Deployment, Record
from local.quickstart.steps import command
from local.quickstart.workspace import ACCOUNT, REGION, ROOT, STAGE, Workspace

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient

_SOURCES = ("infra_cdk", "lambdas", "layers", "requirements", "cdk.json")
QUIET = ("--no-notices", "--no-color")
"""What every command of the CDK is told: nothing of its own news, and plain text in logs."""


def fingerprint(workspace: Workspace, stage: Stage) -> str:
    """Return a digest of everything that a deployment is made from, what is in the files of settings included."""
    digest = hashlib.sha256(f"{workspace.public_url}\0{settings_record.written(stage)}\0".encode())
    for source in _SOURCES:
        place = ROOT / source
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def current(workspace: Workspace, stage: Stage) -> Deployment | None:
    """Return what is deployed, if it was made from the sources as they are now, with these settings."""
    deployed = Record.read(workspace.state).deployment
    return deployed if deployed and deployed.fingerprint == fingerprint(workspace, stage) else None


def bootstrap(workspace: Workspace) -> None:
    """Make the bucket and the roles that the CDK deploys with."""
    # From outside the project: within it, the CDK would synthesize the app first.
    target = f"aws://{ACCOUNT}/{REGION}"
    log = workspace.log("deploy")
    command(
        ["cdk", "bootstrap", *QUIET, target],
        log,
        "cdk bootstrap failed",
        cwd=workspace.state,
        env=workspace.environment,
    )


def synthesize(workspace: Workspace, settings: Mapping[str, str]) -> None:
    """Build what the functions are made of, and the local stage's template, with settings of `infra_cdk/stages.py`."""
    # Whatever the emulator's state: the template is made for the account it will be deployed to.
    environment = workspace.environment | {"CDK_DEFAULT_ACCOUNT": ACCOUNT, "CDK_DEFAULT_REGION": REGION}
    context = {"stage": STAGE, "endpoint": workspace.public_url, **settings}
    synthesize_into(_assembly(workspace), context, workspace.log("synth"), environment)


def synthesize_into(assembly: Path, context: Mapping[str, str], log: Path, environment: Mapping[str, str]) -> None:
    """Build what the functions are made of, and the template of the stage that the CDK's context names in full."""
    shutil.rmtree(assembly, ignore_errors=True)  # it would keep the archives of every earlier one
    whole = {**context, FROM_DEPLOYED: "true"}
    given = [part for name, value in whole.items() for part in ("-c", f"{name}={value}")]
    arguments = ["cdk", "synth", *QUIET, "--quiet", *given, "--output", str(assembly)]
    command(arguments, log, "cdk synth failed", cwd=ROOT, env=environment)


def deploy(workspace: Workspace, stage: Stage) -> Deployment:
    """Deploy the synthesized stack and remember its outputs, and the API's key where it has one."""
    log = workspace.log("deploy")
    outputs_file = workspace.state / "outputs.json"
    arguments = ["cdk", "deploy", *QUIET, "--app", str(_assembly(workspace)), "--require-approval", "never"]
    arguments += ["--progress", "events", "--outputs-file", str(outputs_file), "--all"]
    command(arguments, log, "cdk deploy failed", cwd=workspace.state, env=workspace.environment)
    (outputs,) = json.loads(outputs_file.read_text(encoding="utf-8")).values()
    record = Record.read(workspace.state)
    record.deployment = Deployment(
        fingerprint=fingerprint(workspace, stage),
        deployed_settings=settings_record.read(outputs[settings_record.OUTPUT]),
        api_url=outputs["ApiUrl"],
        state_machine_arn=outputs["StateMachineArn"],
        bucket=outputs["BucketName"],
        table=outputs["TableName"],
        api_key=_api_key(workspace, outputs.get("ApiKeyId")),
    )
    record.write(workspace.state)
    return record.deployment


def _api_key(workspace: Workspace, key_id: str | None) -> str | None:
    if key_id is None:
        return None
    gateway: APIGatewayClient = workspace.client("apigateway")
    return gateway.get_api_key(apiKey=key_id, includeValue=True)["value"]


def _assembly(workspace: Workspace) -> Path:
    return workspace.state / "cdk.out"
