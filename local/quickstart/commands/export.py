"""The command that takes the served model along: for programs, databases and spreadsheets."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlencode

import typer

from local.quickstart.commands.session import AsJson, Commands, Product, explained
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.terminal import answer, notices

commands = Commands("The model")
_SEGMENTS = "segments"


@commands.shown_with(
    "./quickstart export --output model.json",
    "./quickstart export --format csv --output segments.csv",
    "./quickstart export --format csv --table backtest --output backtest.csv",
    "./quickstart export --format sql --dialect duckdb --output model.sql",
)
def export(
    *,
    form: Annotated[
        Literal["json", "csv", "sql"],
        typer.Option("--format", help="json answers lookups offline, sql in a database; csv is for spreadsheets."),
    ] = "json",
    dialect: Annotated[str | None, typer.Option(help="The dialect of --format sql, like duckdb or postgres.")] = None,
    table: Annotated[
        str, typer.Option(help="The table of --format csv: segments, worth, backtest, amounts_over_time or amounts.")
    ] = _SEGMENTS,
    version: Annotated[str | None, typer.Option(help="A kept version; default: the served one.")] = None,
    output: Annotated[Path | None, typer.Option(help="The file to write; default: it is printed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Take the served model along, as the API gives it.

    The product must be up: ./quickstart run -d
    """
    with explained(as_json=as_json):
        text = Product.running().api.exported(_address(form, {"dialect": dialect, "version": version}, table))
        if output:
            _write(output, text)
    written = {"file": str(output), "bytes": len(text.encode())} if output else {"text": text}
    if as_json:
        answer({"format": form, **written})
    elif output:
        notices.print(f"{written['bytes']:,} bytes in {output}", markup=False)
    else:
        typer.echo(text, nl=False)


def _write(file: Path, text: str) -> None:
    try:
        file.write_bytes(text.encode())
    except OSError as error:
        raise StepError(f"--output: {file} cannot be written: {error}") from error


def _address(form: str, asked: Mapping[str, str | None], table: str) -> str:
    """Return the route of what is asked for, with its query; raise `StepError` for options that do not go together."""
    if asked["dialect"] and form != "sql":
        raise StepError(f"--dialect is for --format sql, got --format {form}")
    if table != _SEGMENTS and form != "csv":
        raise StepError(f"--table is for --format csv, got --format {form}")
    path, named = "segments.csv" if form == "csv" else f"model.{form}", dict(asked)
    if table != _SEGMENTS:
        path, named = "report.csv", {**asked, "table": table}
    query = urlencode({name: value for name, value in named.items() if value})
    return f"{path}?{query}" if query else path
