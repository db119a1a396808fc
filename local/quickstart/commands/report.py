"""The command that shows the served model."""

from typing import Annotated

import typer

from local.quickstart.commands.session import AsJson, Commands, Product, explained
from local.quickstart.machine.terminal import answer
from local.quickstart.shown.model import filtered, show_report

commands = Commands("The model")


@commands.shown_with(
    "./quickstart report",
    "./quickstart report --country Peru --segment-name recency_segment",
    "./quickstart report --months",
    "./quickstart report --json | jq '.segments[] | select(.evidence != \"clear\")'",
    name="report",
)
def report_model(
    *,
    country: Annotated[str | None, typer.Option(help="Only the segments of this country.")] = None,
    segment_name: Annotated[str | None, typer.Option(help="Only the segments of this segmentation.")] = None,
    months: Annotated[
        bool, typer.Option("--months", help="Also by month: the amounts, and how well earlier days foretold them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the served model, and how much its counts say."""
    with explained(as_json=as_json):
        found = filtered(Product.running().api.model(), country, segment_name)
    if as_json:
        answer(found)
    else:
        show_report(found, by_month=months)
