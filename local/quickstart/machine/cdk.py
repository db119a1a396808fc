"""The CDK's commands, as a deployment here and one on AWS both use them."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra_cdk.context import FROM_DEPLOYED
from local.quickstart.machine.going import HowFar
from local.quickstart.machine.steps import command
from local.quickstart.machine.workspace import ROOT

QUALIFIER = "hnb659fds"
"""The CDK's own name in the resources of a bootstrap."""

_OF_ALL = re.compile(rb"^[\w-]+ \| +(\d+)/(\d+) \|", re.MULTILINE)
_LAST_BYTES = 100_000
_SHORT_REQUESTS = ROOT / "local/cdk/short_requests.cjs"
_SHORT_WAITS = ROOT / "local/cdk/short_waits.cjs"

QUIET = ("--no-notices", "--no-color")
"""Options of every command: no news of the CDK, and plain text in logs."""


def synthesize(assembly: Path, context: Mapping[str, str], log: Path, environment: Mapping[str, str]) -> None:
    """Build the functions, and the template of a stage, into a folder; `context` has the stage's name and settings.

    Raises
    ------
    StepError
        A package cannot be built, or the CDK refuses the app.
    """
    shutil.rmtree(assembly, ignore_errors=True)  # it would keep the archives of every earlier one
    whole = {**context, FROM_DEPLOYED: "true"}
    given = [part for name, value in whole.items() for part in ("-c", f"{name}={value}")]
    arguments = ["cdk", "synth", *QUIET, "--quiet", *given, "--output", str(assembly)]
    command(arguments, log, "cdk synth failed", cwd=ROOT, env=environment)


def deploy(assembly: Path, outputs: Path, log: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Deploy the stack of an assembly; return its outputs, which the CDK writes into a file.

    Raises
    ------
    StepError
        CloudFormation failed; it has returned to the earlier deployment, if there was one.
    """
    arguments = ["cdk", "deploy", *QUIET, "--app", str(assembly), "--require-approval", "never"]
    arguments += ["--progress", "events", "--outputs-file", str(outputs), "--all"]
    command(arguments, log, "cdk deploy failed", cwd=outputs.parent, env=with_short_requests(environment))
    (found,) = json.loads(outputs.read_text(encoding="utf-8")).values()
    return dict(found)


def resources_done(log: Path) -> HowFar | None:
    """Return how many resources of its stack the deployment that writes a log has done; None before it begins.

    CloudFormation's events in the log have these numbers: `VoucherSelection-dev |  3/44 | 5:08:41 PM | …`.
    """
    try:
        with log.open("rb") as opened:
            opened.seek(max(0, log.stat().st_size - _LAST_BYTES))
            said = opened.read()
    except OSError:
        return None
    found = _OF_ALL.findall(said.rpartition(b"$ cdk deploy ")[2])
    return HowFar(int(found[-1][0]), int(found[-1][1]), "resources") if found else None


def with_short_requests(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which the CDK does not list every byte of an upload to log how many there are."""
    return _with_program(_SHORT_REQUESTS, environment)


def with_short_waits(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which the CDK asks CloudFormation often how far a deployment is: in an emulator."""
    return _with_program(_SHORT_WAITS, environment)


def _with_program(program: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which Node.js runs a program of ours before another."""
    return {**environment, "NODE_OPTIONS": f'{environment.get("NODE_OPTIONS", "")} --require "{program}"'.strip()}
