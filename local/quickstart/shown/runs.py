"""What the quickstart shows of past runs: a list, or one with all its facts."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from local.quickstart.machine.terminal import console, show_table, table_of
from local.quickstart.shown.run_words import given_words, other_countries, striking_words, took
from voucher_selection.domain.wording import duration, kind, moment, number, outcome, status

if TYPE_CHECKING:
    from voucher_selection.api.run_reports import ListedRun, RunReport

_COLOURS = {"SUCCEEDED": "green", "RUNNING": "cyan"}


def show_runs(runs: "Sequence[ListedRun]") -> None:
    """Print runs as a table."""
    if not runs:
        console.print("Nothing has run yet.")
        return
    table = table_of("Run", "Kind", "Status", "Started", "Duration", "Rows", "Model", right=("Duration", "Rows"))
    for run in runs:
        rows = run["rows"]["rows_read"] if run["rows"] else run["customers"]
        table.add_row(
            escape(run["run_id"]),
            escape(run["mode"] or "-"),
            _coloured(run["status"]),
            moment(run["started_at"]),
            duration(run["seconds"]),
            number(rows) if rows else "-",
            escape(_of_its_model(run)),
        )
    show_table(table)


def show_run(run: "RunReport") -> None:
    """Print all facts of a run."""
    for name, value in _facts(run):
        console.print(f"{name:<24} {value}")


def _facts(run: "RunReport") -> Iterator[tuple[str, str]]:
    yield "Run", escape(run["run_id"])
    yield "Kind", escape(kind(run["mode"]) if run["mode"] else "-")
    yield "Status", _coloured(run["status"])
    yield "Started", moment(run["started_at"])
    yield "Took", took(run)
    for state in run["states"]:
        if state["seconds"] is not None:
            yield f"  {state['name']}", duration(state["seconds"])
    if run["shards"]:
        yield "Shards", number(run["shards"])
    if run["groups"]:
        yield "Groups", number(run["groups"])
    yield from _fates(run)
    if run["status"] == "SUCCEEDED":
        yield "Model", escape(_of_its_model(run))
    if run["error"]:
        yield "Error", f"[red]{escape(run['error'])}[/]"
        yield "Cause", escape(run["cause"] or "none given")


def _fates(run: "RunReport") -> Iterator[tuple[str, str]]:
    summary = run["summary"]
    if run["customers"] is not None:
        yield "Customers", number(run["customers"])
        yield "  assigned", number(summary["assigned"])
        yield from _counts(summary["problems"])
    elif rows := run["rows"]:
        yield "Rows", number(rows["rows_read"])
        yield from _counts({"kept": rows["kept"], "other_country": rows["other_country"], **rows["rejected"]})
        if others := other_countries({**summary, "rows": rows}):
            yield "Other countries", escape(", ".join(map(str, others)))
        if given := given_words(summary):
            yield "Given", given
        if rows.get("amounts_rounded"):
            yield "Amounts rounded", number(rows["amounts_rounded"])
        for sentence in striking_words(summary):
            yield "Striking date", f"[yellow]{sentence}[/]"


def _counts(counts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    return ((f"  {name}", number(count)) for name, count in counts.items())


def _of_its_model(run: "ListedRun") -> str:
    """Return the version that the run published, or why it published none."""
    if run["outcome"] == "published":
        return str(run["version"])
    return run["error"] or (outcome(run["outcome"]) if run["outcome"] else "-")


def _coloured(name: str) -> str:
    return f"[{_COLOURS.get(name, 'red')}]{status(name)}[/]"
