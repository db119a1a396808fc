"""The command that asks which voucher amount a customer gets."""

from typing import Annotated

import typer

from local.quickstart.commands.session import AsJson, Commands, Product, explained
from local.quickstart.shown.lookup import show_problem, show_voucher

commands = Commands("The model")


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


def _number_or_text(given: str | None) -> int | str | None:
    """Return a whole number as one, and other text unchanged: the API says what is wrong with it."""
    return int(given) if given and given.isascii() and given.isdigit() else given
