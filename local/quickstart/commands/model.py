"""Commands about the model: its report, a lookup, its versions."""

from typing import Annotated

import typer

from local.quickstart.commands.execution import run_to_end
from local.quickstart.commands.session import AsJson, Commands, Product, explained
from local.quickstart.machine.terminal import answer
from local.quickstart.shown.model import filtered, show_problem, show_report, show_segments, show_versions, show_voucher
from local.quickstart.shown.run import show_outcome, show_rollback, show_states

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


@commands.shown_with(
    "./quickstart lookup --country Peru --segment-name recency_segment --last-order 2018-05-03",
    "./quickstart lookup --country Peru --segment-name frequent_segment --orders 15 --json | jq .voucher_amount",
    "./quickstart lookup --country Peru --segment-name recency_segment --fallback country --least-support 30",
)
def lookup(  # noqa: PLR0913 - its options
    *,
    country: Annotated[str | None, typer.Option(help="The customer's country.")] = None,
    segment_name: Annotated[str | None, typer.Option(help="The segmentation, like recency_segment.")] = None,
    orders: Annotated[str | None, typer.Option(help="The customer's number of orders.")] = None,
    last_order: Annotated[
        str | None, typer.Option(help="Date or time of the last order; without an offset, in the model's time zone.")
    ] = None,
    first_order: Annotated[str | None, typer.Option(help="Date or time of the first order, likewise.")] = None,
    customer_id: Annotated[str | None, typer.Option(help="Returned unchanged.")] = None,
    fallback: Annotated[
        str | None,
        typer.Option(help="What answers if the segment does not: country or none; default: the deployment's."),
    ] = None,
    least_support: Annotated[
        str | None,
        typer.Option(help="The fewest assignments that an answer rests on with --fallback country; default likewise."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Ask the API which voucher amount a customer gets.

    The API checks the given fields itself; a problem is exit code 1. With --json its answer is printed byte for byte.
    """
    fields = {
        "country_code": country,
        "segment_name": segment_name,
        "total_orders": _number_or_text(orders),
        "last_order_ts": last_order,
        "first_order_ts": first_order,
        "customer_id": _number_or_text(customer_id),
        "fallback": fallback,
        "least_support": _number_or_text(least_support),
    }
    with explained(as_json=as_json):
        found = Product.running().api.look_up({name: value for name, value in fields.items() if value is not None})
    if as_json:
        typer.echo(found.text)
    elif found.is_good:
        show_voucher(found.body)
    else:
        show_problem(found.body)
    raise typer.Exit(0 if found.is_good else 1)


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


def _number_or_text(given: str | None) -> int | str | None:
    """Return a whole number as one, and other text unchanged: the API says what is wrong with it."""
    return int(given) if given and given.isascii() and given.isdigit() else given
