"""Settings of a stage that the command line gives: `--set NAME=VALUE`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra_cdk.context import stage_from_context
from infra_cdk.stages import Stage, StageError
from local.quickstart.steps import StepError
from local.quickstart.workspace import STAGE

# Which stage it is, and where the emulator is: the quickstart knows.
_OURS = ("stage", "endpoint")


def settings_of(given: Sequence[str], stage: str = STAGE) -> dict[str, str]:
    """Return settings of a stage by name, a file's as its whole path: the CDK has a working directory of its own.

    Raises
    ------
    StepError
        One is no NAME=VALUE, or the CDK app refuses it: with the app's own message, before anything is started.
    """
    settings = dict(map(_pair, given))
    files = {name: file for name, file in settings.items() if name.endswith("_file") and file}
    settings |= {name: str(Path(file).expanduser().absolute()) for name, file in files.items()}
    stage_with(settings, stage)
    return settings


def stage_with(settings: Mapping[str, str], stage: str) -> Stage:
    """Return a stage with these settings.

    Raises
    ------
    StepError
        The CDK app refuses one: with the app's own message.
    """
    try:
        found = stage_from_context({"stage": stage, **settings})
        _ = found.segments  # which are read from their file only now
    except StageError as error:
        raise StepError(f"--set {error}") from error
    return found


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch("[a-z_]+", name):
        raise StepError(f"--set takes NAME=VALUE with a name of infra_cdk/stages.py, like auth=api_key, not {text}")
    if name in _OURS:
        raise StepError(f"--set {name}: the quickstart sets it itself; for another stage, ./quickstart deploy --stage")
    return name, value
