"""The command that writes the amount of every customer."""

from typing import Annotated

import typer

from local.quickstart.commands.execution import run_to_end, uploaded
from local.quickstart.commands.session import AsJson, examples, explained, running_deployment, workspace_on
from local.quickstart.here import source as sources
from local.quickstart.machine.terminal import answer
from local.quickstart.shown.run import show_assignment, show_states

app = typer.Typer(rich_markup_mode="rich")


@app.command(
    rich_help_panel="Run",
    epilog=examples(
        "./quickstart assign --customers customers.parquet",
        "./quickstart assign --customers s3://bucket/customers/ --segment-name recency_segment",
    ),
)
def assign(
    *,
    customers: Annotated[str, typer.Option(help="The customers: a parquet file or folder, s3://… or https://…")],
    segment_name: Annotated[
        str | None, typer.Option(help="The segmentation for all customers; default: each row's segment_name.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the amount of every customer in parquet files.

    The amounts are those of the served model. The product must be up: ./quickstart run -d
    """
    with explained(as_json=as_json):
        workspace = workspace_on()
        resolved = sources.resolve(customers, workspace.state, option="--customers")
        deployed = running_deployment(workspace)
        address = uploaded(workspace, deployed, resolved)
        ended = run_to_end(workspace, deployed, {"mode": "assign", "customers": address, "segment_name": segment_name})
        if as_json:
            answer({"run": ended, "output": ended["summary"]["output"]})
            return
        show_states(ended)
        show_assignment(ended["summary"])
