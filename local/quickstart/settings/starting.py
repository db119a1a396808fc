"""The settings that a deployment starts with: the deployed ones, with the changes of the command line."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from infra_cdk.settings_record import as_given, recorded
from infra_cdk.stages import Stage, StageError
from infra_cdk.stages import stage as stage_named
from local.quickstart.machine.steps import StepError
from local.quickstart.settings.asked import NAMES, Asked, settings_of_project, stage_with
from local.quickstart.settings.words import shown_value


@dataclass(frozen=True)
class Deployed:
    """The settings that a stack was given, with the content of files, and whether it exists.

    `settings` is None if an older version deployed it, which kept none.
    """

    is_there: bool
    settings: Mapping[str, str] | None = field(default_factory=dict)


NOT_DEPLOYED = Deployed(is_there=False)


class Row(NamedTuple):
    """A setting before and after a deployment, for people."""

    name: str
    deployed: str
    will_be: str
    becomes: str


@dataclass(frozen=True)
class Start:
    """The settings of a deployment: the deployed ones that it starts from, unless `is_reset`, and the stage with all.

    `settings` are those that are given or differ from the defaults, as the CDK takes them.
    """

    deployed: Deployed
    stage: Stage
    settings: Mapping[str, str]
    is_reset: bool = False

    def also(self, settings: Mapping[str, str]) -> "Start":
        """Return it with further settings that the command chose itself."""
        whole = {**self.settings, **settings}
        return replace(self, stage=stage_with(whole, self.stage.name), settings=whole)

    def rows(self) -> list[Row]:
        """Return the settings that change or differ from the defaults; all if the deployed ones are unknown."""
        after = recorded(self.stage)
        before = self.deployed.settings
        rows = [self._row(name, after) for name in NAMES if before is None or name in {*after, *before}]
        unknown = [name for name in before or {} if name not in NAMES]
        return rows + [Row(name, self._before(name), "-", "no setting of this version") for name in unknown]

    def _row(self, name: str, after: Mapping[str, str]) -> Row:
        default = _default(self.stage.name, name)
        will_be = shown_value(name, after[name]) if name in after else f"{shown_value(name, default)} (default)"
        if self.deployed.settings is None:
            return Row(name, "unknown", will_be, "set" if name in after else "default")
        before = self._before(name)
        is_given = name in self.deployed.settings
        if not self.deployed.is_there:
            return Row(name, "-", will_be, "set")
        becomes = "changes" if before != after.get(name, default) else "stays" if is_given else "set"
        if becomes == "stays" and name.endswith("_file"):
            will_be = "its deployed content"
        return Row(name, shown_value(name, before) + ("" if is_given else " (default)"), will_be, becomes)

    def _before(self, name: str) -> str:
        given = self.deployed.settings or {}
        return given[name] if name in given else _default(self.stage.name, name)


def starting_from(deployed: Deployed, asked: Asked, stage: str, folder: Path) -> Start:
    """Return the settings of a deployment: given ones count first, then those of `cdk.json`, then deployed ones.

    The content of a deployed file is written into a file of the folder, because the original may not be here.

    Raises
    ------
    StepError
        They do not go with each other, or this version cannot use a deployed one.
    """
    kept = {name: text for name, text in (deployed.settings or {}).items() if name in NAMES and not asked.resets(name)}
    changed = {**settings_of_project(), **asked.given}
    stays = _with_files({name: text for name, text in kept.items() if name not in changed}, stage, folder)
    settings = {**stays, **changed}
    try:
        chosen = stage_with(settings, stage)
    except StageError as error:
        raise StepError(_refusal(error, kept, changed)) from error
    return Start(deployed, chosen, settings, asked.reset_all)


def giving(settings: Mapping[str, str], stage: str, folder: Path) -> str:
    """Return the options that give settings again, each with a blank before it; files are written into the folder."""
    return "".join(
        f" --set {shlex.quote(f'{name}={text}')}" for name, text in _with_files(settings, stage, folder).items()
    )


def _refusal(error: StageError, kept: Mapping[str, str], changed: Mapping[str, str]) -> str:
    """Say whether the refused setting is given or deployed, and what to do about a deployed one."""
    name = str(error).partition(":")[0]
    if name in changed or name not in kept:
        return f"--set {error}"
    return f"{error}. It is deployed like this: change it with --set {name}=…, or take the default with --reset {name}"


def _with_files(settings: Mapping[str, str], stage: str, folder: Path) -> dict[str, str]:
    """Return settings with the path of a file in place of its content."""
    found = dict(settings)
    for name in [name for name, content in settings.items() if name.endswith("_file") and content]:
        file = folder / f"{stage}-{name}.json"
        file.write_text(found[name], encoding="utf-8")
        found[name] = str(file)
    return found


def _default(stage: str, name: str) -> str:
    return as_given(getattr(stage_named(stage), name))
