"""The command that writes the amount of every customer."""

from typing import Annotated, Literal

import typer

from local.quickstart.commands.execution import Csv, csv_options, looked_at, run_to_end, uploaded
from local.quickstart.commands.session import AsJson, Commands, Product, explained
from local.quickstart.machine.terminal import answer
from local.quickstart.machine.workspace import Workspace
from local.quickstart.shown.run import show_assignment, show_states

commands = Commands("Run")


@commands.shown_with(
    "./quickstart assign --customers customers.parquet",
    "./quickstart assign --customers s3://bucket/customers/ --segment-name recency_segment",
    "./quickstart assign --customers customers.parquet --fallback country --least-support 30",
    "./quickstart assign --customers customers.parquet --format csv",
)
def assign(
    *,
    customers: Annotated[str, typer.Option(help="The customers: a file or folder, s3://… or https://…")],
    segment_name: Annotated[
        str | None, typer.Option(help="The segmentation for all customers; default: each row's segment_name.")
    ] = None,
    fallback: Annotated[
        Literal["none", "country"] | None,
        typer.Option(help="What answers customers whose segment does not; default: the deployment's."),
    ] = None,
    least_support: Annotated[
        int | None,
        typer.Option(help="The fewest assignments that an answer rests on with --fallback country; default likewise."),
    ] = None,
    csv: Csv = None,
    form: Annotated[
        Literal["parquet", "csv"] | None,
        typer.Option("--format", help="The format of the files that are written; default: parquet."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the amount of every customer, to files of parquet or CSV.

    The amounts are those of the served model. The product must be up: ./quickstart run -d
    """
    with explained(as_json=as_json):
        options = csv_options(csv)
        resolved = looked_at(customers, "customers", options, Workspace.folder(), "--customers")
        product = Product.running()
        request = {
            "mode": "assign",
            "customers": uploaded(product, resolved),
            "segment_name": segment_name,
            "fallback": fallback,
            "least_support": least_support,
            "csv": options and options.model_dump(exclude_none=True),
            "format": form,
        }
        ended = run_to_end(product, request)
    if as_json:
        answer({"run": ended, "output": ended["summary"]["output"]})
    else:
        show_states(ended)
        show_assignment(ended["summary"])
