"""The command that lists runs."""

from typing import Annotated

import typer

from local.quickstart.commands.session import AsJson, Commands, Product, explained
from local.quickstart.machine.terminal import answer
from local.quickstart.shown.runs import show_run, show_runs
from voucher_selection.api.run_reports import MOST_RUNS

commands = Commands("What is up")


@commands.shown_with("./quickstart runs", "./quickstart runs -n 3 --json", "./quickstart runs run-6f5b966c")
def runs(
    *,
    run_id: Annotated[str | None, typer.Argument(help="A run to show, with all its facts.")] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, max=MOST_RUNS, help="How many of the last runs to list.")
    ] = 10,
    as_json: AsJson = False,
) -> None:
    """List the last runs, or show one."""
    with explained(as_json=as_json):
        api = Product.running().api
        found = api.run(run_id) if run_id else None
        listed = [] if run_id else api.runs()["runs"][:count]
    if as_json:
        answer(found or {"runs": listed})
    elif found:
        show_run(found)
    else:
        show_runs(listed)
