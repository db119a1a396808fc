"""A release: a stage's template with its archives beside it, which AWS's command line deploys without Node.js.

`aws cloudformation package` uploads the archives that a template names by their paths, and puts their addresses there.
"""

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra_cdk.stages import stack_name
from layers.build.archives import write_folders
from local.quickstart.machine.steps import command, step
from local.quickstart.machine.workspace import ROOT, Workspace

ARCHIVES = "archives"
TEMPLATE = "template.json"
SBOM = "sbom.cdx.json"

# Of each resource with an archive, the property that has it.
_CODE = {"AWS::Lambda::Function": "Code", "AWS::Lambda::LayerVersion": "Content"}
_CDK_S_OWN = {"Parameters": "BootstrapVersion", "Rules": "CheckBootstrapVersion"}


def write_release(workspace: Workspace, stage: str, settings: Mapping[str, str], folder: Path) -> Path:
    """Write a stage's template with its archives to a folder of the stage's name in `folder`; return the template.

    Raises
    ------
    StepError
        A package cannot be built, or a setting is invalid.
    """
    with step(f"Building {stage}"):
        assembly = _synthesize(workspace, {"stage": stage, **settings})
    name = stack_name(stage)
    template = json.loads((assembly / f"{name}.template.json").read_text(encoding="utf-8"))
    assets = json.loads((assembly / f"{name}.assets.json").read_text(encoding="utf-8"))["files"]
    sources = {f"{digest}.zip": assembly / asset["source"]["path"] for digest, asset in assets.items()}
    target = folder / stage
    shutil.rmtree(target, ignore_errors=True)
    (target / ARCHIVES).mkdir(parents=True)
    portable, used = with_paths(template)
    for key in used:
        _copy(sources[key], target / ARCHIVES / key)
    written = target / TEMPLATE
    written.write_text(json.dumps(portable, indent=1) + "\n", encoding="utf-8")
    return written


def with_paths(template: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Return a template of the CDK with paths of archives and without its bootstrap, and the names of the archives."""
    used: set[str] = set()
    resources = {name: _with_path(resource, used) for name, resource in template["Resources"].items()}
    without = {part: _without(template[part], name) for part, name in _CDK_S_OWN.items() if part in template}
    whole = {**template, **without, "Resources": resources}
    return {part: found for part, found in whole.items() if found}, used


def _with_path(resource: dict[str, Any], used: set[str]) -> dict[str, Any]:
    part = _CODE.get(resource["Type"])
    if part is None or "S3Key" not in resource["Properties"][part]:
        return resource
    key = resource["Properties"][part]["S3Key"]
    used.add(key)
    return {**resource, "Properties": resource["Properties"] | {part: f"{ARCHIVES}/{key}"}}


def _without(named: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: found for key, found in named.items() if key != name}


def _copy(source: Path, target: Path) -> None:
    """Copy an archive, or make one of a folder, which the CDK's command would pack."""
    if source.is_dir():
        write_folders(target, "", [source])
    else:
        shutil.copyfile(source, target)


def _synthesize(workspace: Workspace, context: Mapping[str, str]) -> Path:
    """Synthesize without the CDK's command, which would put the account of the credentials into the template."""
    assembly = ROOT / ".build" / "release" / context["stage"]
    shutil.rmtree(assembly, ignore_errors=True)
    of_project = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8")).get("context", {})
    variables = {"CDK_OUTDIR": str(assembly), "CDK_CONTEXT_JSON": json.dumps(of_project | dict(context))}
    variables["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "layers/shared/python")])
    unset = {"CDK_DEFAULT_ACCOUNT", "CDK_DEFAULT_REGION"}
    environment = {name: value for name, value in workspace.environment.items() if name not in unset}
    log = workspace.log("release")
    command(
        [sys.executable, "-m", "infra_cdk"], log, "the template cannot be made", cwd=ROOT, env=environment | variables
    )
    return assembly
