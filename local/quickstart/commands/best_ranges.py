"""The command that finds the best ranges of a measure."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from local.quickstart.commands.execution import Window, check_dates, check_window
from local.quickstart.commands.session import AsJson, Commands, Product, explained
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.terminal import answer, notices
from local.quickstart.shown.quality import show_best_ranges
from voucher_selection.domain.measures import Measure

commands = Commands("The model")


@commands.shown_with(
    "./quickstart best-ranges --measure total_orders --least-support 1000",
    "./quickstart best-ranges --measure total_orders --ranges 4 --write my-segments.json",
    "./quickstart best-ranges --measure months_since_first_order --country Peru --json",
    name="best-ranges",
)
def best_ranges(  # noqa: PLR0913 - its options
    *,
    measure: Annotated[str, typer.Option(metavar="NAME", help=f"What to split by: {', '.join(Measure)}.")],
    country: Annotated[
        list[str] | None, typer.Option(help="A country of the model; may be given again. [dim]all of them[/]")
    ] = None,
    ranges: Annotated[int | None, typer.Option(min=1, help="The largest number of ranges. [dim]10[/]")] = None,
    least_support: Annotated[int | None, typer.Option(min=1, help="The least vouchers of a range. [dim]1[/]")] = None,
    window: Window = None,
    cur_date: Annotated[str | None, typer.Option(help="Days and months count up to it.")] = None,
    write: Annotated[
        Path | None, typer.Option(help="Write the served segments with the ranges found, for remodel --segments.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the ranges of a measure that reproduce the most vouchers.

    The ranges are exact: no others of that number agree with more assignments. Nothing is published.
    """
    request = {
        "measure": measure,
        "countries": country or None,
        "most_ranges": ranges,
        "least_support": least_support,
        "window": window,
        "cur_date": cur_date,
    }
    with explained(as_json=as_json):
        check_dates("--cur-date", [cur_date] if cur_date else [])
        check_window(window)
        api = Product.running().api
        found = api.best_ranges({key: value for key, value in request.items() if value is not None})
        if write:
            _write(write, api.model()["definitions"], found["found"][-1]["definition"])
        if as_json:
            answer(found)
            return
        show_best_ranges(found)
        if write:
            notices.print(f"Try them: ./quickstart remodel --what-if --segments {write}", markup=False)


def _write(file: Path, served: dict[str, Any], definition: dict[str, Any]) -> None:
    """Write the served segmentations, and a definition in place of one of its name, or at their end."""
    others = [known for known in served["segmentations"] if known["name"] != definition["name"]]
    try:
        file.write_text(json.dumps({"segmentations": [*others, definition]}, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise StepError(f"--write: {file} cannot be written: {error}") from error
