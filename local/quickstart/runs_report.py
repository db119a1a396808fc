"""What the quickstart shows of runs that were: a list, or one with all that is known of it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from local.quickstart.runs import rows_per_second
from local.quickstart.terminal import console, show_table
from voucher_selection.domain.striking_dates import StrikingDate

_COLOURS = {"SUCCEEDED": "green", "RUNNING": "cyan"}


def show_runs(runs: Sequence[dict[str, Any]]) -> None:
    """Print runs as a table."""
    if not runs:
        console.print("Nothing has run yet.")
        return
    table = Table(box=SIMPLE_HEAD)
    for name in ("Run", "Mode", "Status", "Started (UTC)"):
        table.add_column(name, no_wrap=True)
    for name in ("Seconds", "Rows"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Model", no_wrap=True)
    for run in runs:
        rows = run.get("rows_read") or run.get("customers")
        table.add_row(
            escape(run["id"]),
            escape(run["mode"] or "-"),
            _coloured(run["status"]),
            _moment(run["started_at"]),
            f"{run['total_seconds']:.1f}",
            f"{rows:,}" if rows else "-",
            escape(_of_its_model(run)),
        )
    show_table(table)


def show_run(run: dict[str, Any]) -> None:
    """Print all that is known of a run."""
    for name, value in _facts(run):
        console.print(f"{name:<24} {value}", soft_wrap=True)


def _facts(run: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Run", escape(run["id"])
    yield "Mode", escape(run["mode"] or "-")
    yield "Status", _coloured(run["status"])
    yield "Started", f"{_moment(run['started_at'])} UTC"
    speed = rows_per_second(run)
    yield "Took", f"{run['total_seconds']:.1f} s" + (f", {speed:,.0f} rows/s" if speed else "")
    for state, seconds in run["seconds"].items():
        yield f"  {state}", f"{seconds:.1f} s"
    if run["shards"]:
        yield "Shards", f"{run['shards']:,}"
    yield from _fates(run)
    if run["status"] == "SUCCEEDED":
        yield "Model", escape(_of_its_model(run))
    if run["error"]:
        yield "Error", f"[red]{escape(run['error'])}[/]"
        yield "Cause", escape(run["cause"] or "none given")


def _fates(run: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "customers" in run:
        yield "Customers", f"{run['customers']:,}"
        yield "  assigned", f"{run['assigned']:,}"
        yield from ((f"  {code}", f"{count:,}") for code, count in run["problems"].items())
    elif run["rows_read"] is not None:
        yield "Rows", f"{run['rows_read']:,}"
        yield "  kept", f"{run['kept']:,}"
        yield "  other_country", f"{run['other_country']:,}"
        yield from ((f"  {rule}", f"{count:,}") for rule, count in run["rejected"].items())
        if run.get("amounts_rounded"):
            yield "Amounts rounded", f"{run['amounts_rounded']:,}"
        for found in run.get("striking_dates") or ():
            yield "Striking date", f"[yellow]{StrikingDate.model_validate(found).told}[/]"


def _of_its_model(run: dict[str, Any]) -> str:
    """Return what became of the run's model: the version if it was published, or else why there is none."""
    if run["published"]:
        return str(run["version"])
    return str(run["error"] or run["outcome"] or "-")


def _coloured(status: str) -> str:
    return f"[{_COLOURS.get(status, 'red')}]{status}[/]"


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
