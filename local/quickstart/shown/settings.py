"""What the quickstart shows of a deployment's settings: what they start from, and what changes."""

from collections.abc import Mapping
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from local.quickstart.machine.record import Deployment
from local.quickstart.machine.terminal import notices
from local.quickstart.machine.workspace import STAGE, Workspace
from local.quickstart.settings.starting import Start, giving


def show_start(start: Start) -> None:
    """Print what a deployment starts from, and a table of the settings that change or differ from the defaults."""
    notices.print(_beginning(start), markup=False)
    table = Table(box=SIMPLE_HEAD)
    for name in ("Setting", "Deployed", "Will be", ""):
        table.add_column(name, overflow="fold")
    rows = start.rows()
    for row in rows:
        table.add_row(*map(escape, row), style="bold" if row.becomes == "changes" else None)
    if rows:
        notices.print(table)


def show_gone(settings: Mapping[str, str], stage: str, folder: Path, command: str) -> None:
    """Print how to give the settings of an ended deployment again; nothing if it had none."""
    if options := giving(settings, stage, folder):
        notices.print(
            f"The deployment's settings ended with it. To deploy with the same settings: {command}{options}",
            markup=False,
        )


def show_gone_here(workspace: Workspace, deployed: Deployment) -> None:
    """Print how to give the settings of an ended deployment to the emulator again."""
    show_gone(deployed.deployed_settings or {}, STAGE, workspace.state, "./quickstart run")


def _beginning(start: Start) -> str:
    stage = start.stage.name
    if not start.deployed.is_there:
        return f"Nothing is deployed yet. Settings that are not given have the defaults of {stage}."
    if start.deployed.settings is None:
        return (
            "An older version deployed it and kept no settings, so those deployed are unknown. Settings that are not"
            f" given get the defaults of {stage}, as listed: give those that must stay with --set."
        )
    if start.is_reset:
        return f"Starting from the defaults of {stage}, not from what is deployed (--reset-all)."
    return "Starting from the settings that are deployed."
