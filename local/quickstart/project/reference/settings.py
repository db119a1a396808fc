"""The page of the settings of a stage, made from their declaration."""

import re
from typing import get_args

from infra_cdk.settings_record import as_given
from infra_cdk.stages import SETTINGS, Stage, StageName, stage
from local.quickstart.project.reference import markdown

_STAGES = get_args(StageName.__value__)
# What the local stage has depends on the machine, and is not told as this machine's.
_OF_THIS_MACHINE = {"architecture": "this machine's"}


def page() -> str:
    """Return the page."""
    said = {name: re.sub(r"\bNone\b", "empty", text) for name, text in markdown.attributes(Stage).items()}
    rows = [
        [f"`{_name(field.name)}`", said[field.name], *(_default(name, field.name) for name in _STAGES)]
        for field in SETTINGS
    ]
    return markdown.page(
        "Settings of a stage",
        "infra_cdk/stages.py",
        "Each is declared once, in [`infra_cdk/stages.py`](../../infra_cdk/stages.py). On AWS it is given as"
        " `./quickstart deploy --stage dev --set NAME=VALUE`, on this machine as `./quickstart run --set NAME=VALUE`."
        " Settings that are deployed stay; `--reset NAME` returns one to its default, `--reset-all` all of them."
        " Lists have commas. What cannot be used is refused before anything is deployed. An empty cell is an empty"
        " setting. What guards a deployment is told on the page of [security](../security.md).",
        markdown.table(["setting", "", *_STAGES], rows),
    )


def _name(field: str) -> str:
    return {"public_endpoint": "endpoint"}.get(field, field)


def _default(of_stage: str, setting: str) -> str:
    """Return the default that a setting has on a stage, as the command line takes it."""
    if of_stage == "local" and setting in _OF_THIS_MACHINE:
        return _OF_THIS_MACHINE[setting]
    written = as_given(getattr(stage(of_stage), setting))
    return f"`{written}`" if written else ""
