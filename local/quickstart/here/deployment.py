"""The deployment to the emulator, with the real `cdk synth` and `cdk deploy`."""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path

from infra_cdk import settings_record
from infra_cdk.stages import Stage
from local.quickstart.here import assembly
from local.quickstart.machine import cdk
from local.quickstart.machine.cdk import QUALIFIER
from local.quickstart.machine.going import HowFar
from local.quickstart.machine.record import Deployment, Record
from local.quickstart.machine.workspace import ACCOUNT, REGION, ROOT, STAGE, Workspace

_SOURCES = ("infra_cdk", "lambdas", "layers", "requirements", "cdk.json", "local/cdk/package-lock.json")


def fingerprint(workspace: Workspace, stage: Stage) -> str:
    """Return a digest of everything that a deployment is made from, with the content of the settings' files.

    The locks among the sources have the versions of the packages and of the CDK.
    """
    digest = hashlib.sha256(f"{sys.version}\0{workspace.public_url}\0{settings_record.written(stage)}\0".encode())
    for source in _SOURCES:
        place = ROOT / source
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def current(workspace: Workspace, stage: Stage) -> Deployment | None:
    """Return the deployment, if it was made from the present sources with these settings."""
    deployed = Record.read(workspace.state).deployment
    return deployed if deployed and deployed.fingerprint == fingerprint(workspace, stage) else None


def bootstrap(workspace: Workspace) -> None:
    """Make what this stage's deployment uses of the CDK's bootstrap: the bucket of the functions' code."""
    workspace.client("s3").create_bucket(Bucket=f"cdk-{QUALIFIER}-assets-{ACCOUNT}-{REGION}")


def is_synthesized(workspace: Workspace, stage: Stage) -> bool:
    """Return whether the last synthesis was made from the present sources with these settings, and is complete."""
    return assembly.made_from(_assembly(workspace)) == fingerprint(workspace, stage)


def synthesize(workspace: Workspace, stage: Stage, settings: Mapping[str, str]) -> None:
    """Build the functions and the template of the local stage; `settings` are those of `stage` that are given."""
    sources = fingerprint(workspace, stage)  # of before: what changes meanwhile may be missing in the template
    # The emulator may be down: the template is made for the account it will be deployed to.
    environment = workspace.environment | {"CDK_DEFAULT_ACCOUNT": ACCOUNT, "CDK_DEFAULT_REGION": REGION}
    context = {"stage": STAGE, "endpoint": workspace.public_url, **settings}
    cdk.synthesize(_assembly(workspace), context, workspace.log("synth"), environment)
    assembly.keep(_assembly(workspace), sources)


def deploy(workspace: Workspace) -> Deployment:
    """Deploy the synthesized stack; record its outputs, and the API's key if it has one."""
    sources = assembly.made_from(_assembly(workspace)) or ""
    outputs, log = workspace.state / "outputs.json", workspace.log("deploy")
    found = cdk.deploy(_assembly(workspace), outputs, log, cdk.with_short_waits(workspace.environment))
    record = Record.read(workspace.state)
    record.deployment = Deployment(
        fingerprint=sources,
        deployed_settings=settings_record.read(found[settings_record.OUTPUT]),
        api_url=found["ApiUrl"],
        state_machine_arn=found["StateMachineArn"],
        bucket=found["BucketName"],
        table=found["TableName"],
    )
    if key_id := found.get("ApiKeyId"):
        key = workspace.client("apigateway").get_api_key(apiKey=key_id, includeValue=True)
        record.deployment.api_key = key["value"]
    record.write(workspace.state)
    return record.deployment


def how_far(workspace: Workspace) -> HowFar | None:
    """Return how many resources the deployment that goes on has done."""
    return cdk.resources_done(workspace.log("deploy"))


def _assembly(workspace: Workspace) -> Path:
    return workspace.state / "cdk.out"
