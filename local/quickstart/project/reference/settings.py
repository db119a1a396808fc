"""The page of the settings of a stage, made from their declaration."""

import re
from typing import get_args

from infra_cdk.settings_record import as_given
from infra_cdk.stages import SETTINGS, Stage, StageName, stage
from local.quickstart.project.reference import markdown

_STAGES = get_args(StageName.__value__)


def page() -> str:
    """Return the page."""
    said = {name: re.sub(r"\bNone\b", "empty", text) for name, text in markdown.field_texts(Stage).items()}
    rows = [
        [f"`{field.name}`", said[field.name], *(_default(name, field.name) for name in _STAGES)] for field in SETTINGS
    ]
    return markdown.page(
        "Settings of a stage",
        "infra_cdk/stages.py",
        "Each is declared once, in [`infra_cdk/stages.py`](../../infra_cdk/stages.py). On AWS it is given as"
        " `./quickstart deploy --stage dev --set NAME=VALUE`, on this machine as `./quickstart run --set NAME=VALUE`."
        " Deployed settings stay; `--reset NAME` returns one to its default, `--reset-all` all of them."
        " Write lists with commas. An invalid setting is refused before anything is deployed. An empty cell is an empty"
        " setting. The page of [security](../security.md) has the settings that protect a deployment.",
        markdown.table(["setting", "", *_STAGES], rows),
    )


def _default(of_stage: str, setting: str) -> str:
    """Return the default of a setting on a stage, as the command line takes it."""
    if (of_stage, setting) == ("local", "architecture"):
        return "this machine's"  # and not what this machine has
    written = as_given(getattr(stage(of_stage), setting))
    return f"`{written}`" if written else ""
