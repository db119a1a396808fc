"""Commands about the versions of the model: list them, and serve another one."""

from typing import Annotated

import typer

from local.quickstart.commands.execution import run_to_end
from local.quickstart.commands.session import AsJson, Commands, Product, explained
from local.quickstart.machine.terminal import answer
from local.quickstart.shown.model import show_segments, show_versions
from local.quickstart.shown.run import show_outcome, show_rollback, show_states

commands = Commands("The model")


@commands.shown_with("./quickstart versions", "./quickstart versions --json")
def versions(*, as_json: AsJson = False) -> None:
    """List the versions of the model, and which of them is served."""
    with explained(as_json=as_json):
        found = Product.running().api.versions()
    if as_json:
        answer(found)
    else:
        show_versions(found["versions"])


@commands.shown_with("./quickstart rollback", "./quickstart rollback 20180915T120000000Z-run-6f5b966c")
def rollback(
    *,
    version: Annotated[
        str | None, typer.Argument(help="A version that ./quickstart versions lists; default: the one served before.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve an earlier version of the model again."""
    with explained(as_json=as_json):
        product = Product.running()
        ended = run_to_end(product, {"mode": "rollback", "version": version})
        product.api.criteria_of(ended["summary"]["served_version"])
    if as_json:
        answer({"run": ended, "previous_version": ended["summary"]["previous_version"]})
    else:
        show_states(ended)
        show_rollback(ended["summary"])


@commands.shown_with("./quickstart approve run-6f5b966c", "./quickstart approve run-6f5b966c --overlap replace")
def approve(
    *,
    run_id: Annotated[str, typer.Argument(help="The run that was held back.")],
    overlap: Annotated[
        str | None,
        typer.Option(metavar="add|replace", help="What to do with its days that are counted already."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish a model that was held back, unchanged."""
    with explained(as_json=as_json):
        product = Product.running()
        ended = run_to_end(product, {"mode": "approve", "run_id": run_id, "overlap": overlap})
        criteria = product.api.criteria_of(ended["summary"]["served_version"])
    if as_json:
        answer({"run": ended, "approved_run_id": ended["summary"]["approved_run_id"], "served": criteria})
    else:
        show_states(ended)
        show_outcome(ended["summary"])
        show_segments(criteria)
