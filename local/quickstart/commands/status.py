"""The command that shows what is up."""

from typing import Any

import typer

from local.quickstart.commands.session import AsJson, Commands, Product, explained
from local.quickstart.machine.terminal import answer, console
from local.quickstart.machine.workspace import REGION, Workspace
from local.quickstart.settings import words
from local.quickstart.shown.runs import show_run

commands = Commands("What is up")


@commands.shown_with("./quickstart status", "./quickstart status --json | jq -r .api_url")
def status(*, as_json: AsJson = False) -> None:
    """Show what is deployed and how the last run went.

    Exit code 1 if nothing is up.
    """
    with explained(as_json=as_json):
        product = Product.if_up()
        found = _status(product) if product else {"running": False}
    if as_json:
        answer(found)
    elif product:
        _show_status(found, product.workspace)
    else:
        console.print("It is not running: ./quickstart run -d")
    raise typer.Exit(0 if product else 1)


def _status(product: Product) -> dict[str, Any]:
    workspace, deployed = product
    return {
        "running": True,
        "api_url": deployed.api_url,
        "api_key": deployed.api_key,
        "endpoint_url": workspace.endpoint_url,
        **workspace.key._asdict(),
        "region": REGION,
        "state_machine_arn": deployed.state_machine_arn,
        "bucket": deployed.bucket,
        "table": deployed.table,
        "settings": deployed.deployed_settings or {},
        "last_run": product.api.last_run(),
    }


def _show_status(found: dict[str, Any], workspace: Workspace) -> None:
    facts = {name: value for name, value in found.items() if name not in {"running", "settings", "last_run"}}
    facts["settings"] = words.shown(found["settings"])
    for name, value in facts.items():
        console.print(f"{name:<24} {value or 'none'}", markup=False)
    console.print("\nFor aws and other programs on this machine")
    exports = [f"{name}={value}" for name, value in workspace.variables.items()]
    console.print(" ".join(["export", *exports]), markup=False)
    console.print()
    if found["last_run"]:
        console.print("The last run", style="bold")
        show_run(found["last_run"])
    else:
        console.print("Nothing has run yet.")
