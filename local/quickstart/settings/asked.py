"""Settings of a stage that the command line gives: `--set NAME=VALUE`, `--reset NAME` and `--reset-all`."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra_cdk.context import stage_from_context
from infra_cdk.settings_record import as_given
from infra_cdk.stages import SETTINGS, Stage, StageError, UnmatchedSettingError
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.workspace import ROOT, STAGE

# The quickstart gives these itself.
_OURS = ("stage", "suffix", "endpoint")

NAMES = tuple(setting.name for setting in SETTINGS if setting.name != "endpoint")
"""Every setting that may be given, in the order of their declaration."""


@dataclass(frozen=True)
class Asked:
    """The changes that the command line asks for: values by name, a file as its whole path, and returns to defaults."""

    given: Mapping[str, str] = field(default_factory=dict)
    reset: Collection[str] = ()
    reset_all: bool = False

    def resets(self, name: str) -> bool:
        """Return whether a deployed setting returns to its default."""
        return self.reset_all or name in self.reset


def asked_of(given: Sequence[str], reset: Sequence[str], *, reset_all: bool, stage: str = STAGE) -> Asked:
    """Return what `--set`, `--reset` and `--reset-all` ask for; raise `StepError` if that cannot be done."""
    settings = settings_of(given, stage)
    in_project = settings_of_project()
    for name in reset:
        if name not in NAMES:
            raise StepError(f"--reset {name}: no such setting; the settings are {', '.join(sorted(NAMES))}")
        if name in settings:
            raise StepError(f"{name} is given with --set and with --reset; leave one of them out")
        if name in in_project:
            raise StepError(f"--reset {name}: cdk.json sets it to {in_project[name]}; take it out there")
    return Asked(settings, frozenset(reset), reset_all)


def settings_of(given: Sequence[str], stage: str = STAGE) -> dict[str, str]:
    """Return settings of a stage by name; a file has its whole path, because the CDK runs in another folder.

    It is not checked whether they go with each other: what they lack may be deployed.

    Raises
    ------
    StepError
        One is not NAME=VALUE, or the CDK app refuses its value: with the app's own message.
    """
    settings = dict(map(_pair, given))
    files = {name: file for name, file in settings.items() if name.endswith("_file") and file}
    settings |= {name: str(Path(file).expanduser().absolute()) for name, file in files.items()}
    try:
        stage_with(settings, stage)
    except UnmatchedSettingError:
        pass
    except StageError as error:
        raise StepError(f"--set {error}") from error
    return settings


def settings_of_project() -> dict[str, str]:
    """Return the settings in the project's `cdk.json`, which the CDK takes like those of `--set`."""
    context = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8")).get("context", {})
    # JSON has lists where a stage has tuples.
    texts = {name: as_given(tuple(value) if isinstance(value, list) else value) for name, value in context.items()}
    found = {name: texts[name] for name in NAMES if name in texts}
    return {name: str(ROOT / text) if name.endswith("_file") and text else text for name, text in found.items()}


def stage_with(settings: Mapping[str, str], stage: str) -> Stage:
    """Return a stage with these settings; raise `StageError` if one is invalid or does not go with another."""
    found = stage_from_context({"stage": stage, **settings})
    _ = found.segments  # they are read from their file only now
    return found


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch("[a-z_]+", name):
        raise StepError(f"--set takes NAME=VALUE with a name of infra_cdk/stages.py, like auth=api_key, not {text}")
    if name in _OURS:
        raise StepError(f"--set {name}: the quickstart sets it itself; for another stage, ./quickstart deploy --stage")
    return name, value
