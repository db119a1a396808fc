"""Settings of the local stage that the command line gives: `--set NAME=VALUE`."""

import re
from collections.abc import Sequence
from pathlib import Path

from infra_cdk.context import stage_from_context
from infra_cdk.stages import StageError
from local.quickstart.steps import StepError
from local.quickstart.workspace import STAGE

# Where the emulator is and that it is one: the quickstart knows.
_OURS = ("stage", "endpoint")


def settings_of(given: Sequence[str]) -> dict[str, str]:
    """Return settings by name; a file is named by its whole path, since the CDK has a working directory of its own.

    Raises
    ------
    StepError
        One is no NAME=VALUE, or the CDK app refuses it: with the app's own message, before anything is started.
    """
    settings = dict(map(_pair, given))
    files = {name: file for name, file in settings.items() if name.endswith("_file") and file}
    settings |= {name: str(Path(file).expanduser().absolute()) for name, file in files.items()}
    try:
        _ = stage_from_context({"stage": STAGE, **settings}).segments  # which are read from their file only now
    except StageError as error:
        raise StepError(f"--set {error}") from error
    return settings


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch("[a-z_]+", name):
        raise StepError(f"--set takes NAME=VALUE with a name of infra_cdk/stages.py, like auth=api_key, not {text}")
    if name in _OURS:
        raise StepError(f"--set {name}: the quickstart sets it itself; for another stage, ./quickstart cdk deploy")
    return name, value
