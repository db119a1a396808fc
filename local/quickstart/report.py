"""What the quickstart shows of a run: its progress, what came of it, and the addresses that work."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from local.quickstart.record import Deployment
from local.quickstart.runs import rows_per_second
from local.quickstart.terminal import console, notices
from voucher_selection.adapters.state_machine import Execution
from voucher_selection.api.wording import first_of
from voucher_selection.contract.runs import MAPS, STATES
from voucher_selection.domain.striking_dates import StrikingDate
from voucher_selection.domain.wording import amount

# The states that a run goes through, by its mode; the others are those of a history.
_STATES = {
    **dict.fromkeys(("remodel", "rollback", "approve"), ("Model",)),
    "assign": ("Ingest", "AssignShards", "Model"),
}
_STATES_OF_A_HISTORY = ("Ingest", "CleanShards", "Model")
_TITLES = {"Ingest": "Ingest", "CleanShards": "Clean", "AssignShards": "Assign", "Model": "Model"}
_PAGES = {"Look up": "search_voucher", "Segments": "segments", "Report": "report", "Runs": "runs", "API": "docs"}
_LOOKUP = {
    "customer_id": 123,
    "country_code": "Peru",
    "total_orders": 15,
    "segment_name": "recency_segment",
    "last_order_ts": "2018-05-03 00:00:00",
    "first_order_ts": "2017-05-03 00:00:00",
}


def show_progress(progress: Iterator[Execution], mode: str | None) -> Execution:
    """Draw a bar per state while an execution goes on; return how it ended."""
    columns = TextColumn("  {task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Bars(*columns, console=notices, disable=not notices.is_terminal, transient=True) as bars:
        expected = _STATES.get(mode or "", _STATES_OF_A_HISTORY)
        tasks = {
            state: bars.add_task(_TITLES[state], total=1, start=False, visible=state in expected) for state in STATES
        }
        for seen in progress:
            for state, task in tasks.items():
                draw_state(bars, task, state, seen)
    return seen


def draw_state(bars: Bars, task: TaskID, state: str, seen: Execution) -> None:
    """Draw the bar of a state: of its shards if it is a map, or else of itself."""
    done = state in seen.seconds
    if done or seen.current == state:
        bars.start_task(task)
        bars.update(task, visible=True)
    total = seen.shards or 1 if state in MAPS else 1
    completed = total if done else seen.shards_done if state in MAPS else 0
    bars.update(task, total=total, completed=completed)
    if done:
        bars.stop_task(task)


def show_states(run: dict[str, Any]) -> None:
    """Print how long each state took."""
    for state in STATES:
        if state in run["seconds"]:
            shards = f", {run['shards']} shard{'s' * (run['shards'] != 1)}" if state in MAPS else ""
            console.print(f"  {_TITLES[state]}: {run['seconds'][state]:.1f} s{shards}")
    if speed := rows_per_second(run):
        console.print(f"  All of it: {run['total_seconds']:.1f} s, {speed:,.0f} rows/s")


def show_rows(summary: dict[str, Any]) -> None:
    """Print what became of the rows."""
    rows = summary["rows"]
    rejected = ", ".join(f"{count:,} {rule}" for rule, count in rows["rejected"].items() if count) or "none"
    console.print(
        f"  {rows['rows_read']:,} rows read, {rows['other_country']:,} of other countries,"
        f" {sum(rows['rejected'].values()):,} rejected ({rejected}), {rows['kept']:,} kept",
        soft_wrap=True,
    )
    if rounded := rows.get("amounts_rounded"):
        console.print(f"  {rounded:,} of those kept have an amount that was rounded to 15 digits", soft_wrap=True)
    for found in summary.get("striking_dates", ()):
        console.print(f"  [yellow]{StrikingDate.model_validate(found).told}[/]", soft_wrap=True)
    if summary["known_files"]:
        console.print(f"  {summary['known_files']:,} of its files had been counted before")
    _show_left_out(summary)
    show_outcome(summary)


def show_assignment(summary: dict[str, Any]) -> None:
    """Print what became of the customers, and where their amounts are."""
    problems = ", ".join(f"{count:,} {code}" for code, count in summary["problems"].items()) or "none"
    console.print(
        f"  {summary['rows']:,} customers, {summary['assigned']:,} with an amount; problems: {problems}", soft_wrap=True
    )
    _show_left_out(summary)
    console.print(f"  From model {summary['version']}, which stays served; written to", soft_wrap=True)
    console.print(f"  {summary['output']}", soft_wrap=True)


def _show_left_out(summary: dict[str, Any]) -> None:
    """Print which objects of the source's folder were not read; the summaries of older runs do not say it."""
    left_out = summary.get("left_out", {"objects": 0})
    if left_out["objects"]:
        names = first_of(left_out["names"], left_out["objects"])
        console.print(f"  Not read, because not named like parquet: {names}", soft_wrap=True, markup=False)


def show_rollback(summary: dict[str, Any]) -> None:
    """Print which version is served now."""
    if summary["outcome"] == "published":
        console.print(f"  Version {summary['served_version']} is served again", soft_wrap=True)
        console.print(f"  Served before: {summary['previous_version']}; the same command returns to it", soft_wrap=True)
    else:
        console.print(f"  [yellow]It was served already: {summary['served_version']}[/]", soft_wrap=True)


def show_remodel(summary: dict[str, Any]) -> None:
    """Print what a remodel changes."""
    console.print(f"  From the counts of run {summary['counts_run_id']}, to CUR_DATE {summary['cur_date']}")
    console.print(f"  {summary['changed_segments']} segments get another amount than from the model served before")
    for change in summary["changes"]:
        amounts = ["-" if value is None else amount(value) for value in (change["served_amount"], change["amount"])]
        segment = f"{change['country_code']} {change['segment_name']} {change['segment']}"
        console.print(f"    {segment}: {' -> '.join(amounts)}", markup=False, soft_wrap=True)
    show_outcome(summary)


def show_outcome(summary: dict[str, Any]) -> None:
    """Print what became of a run's model, where it was not published."""
    served = summary["served_version"]
    told = {
        "published": None,
        "superseded": f"A newer run's model stays served: {served}",
        "nothing_new": f"There was nothing new to count; served stays {served}",
        "what_if": f"Nothing was published; served stays {served}",
    }[summary["outcome"]]
    if told:
        console.print(f"  [yellow]{told}[/]")


def show_addresses(deployment: Deployment, country: str) -> None:
    """Print where the API and its pages are, with a lookup to paste."""
    body = shlex.quote(json.dumps(_LOOKUP | {"country_code": country}))
    for name, page in _PAGES.items():
        console.print(f"{name:<9} {deployment.api_url}{page}", soft_wrap=True)
    key = ""
    if deployment.api_key:
        console.print(f"API key   {deployment.api_key}", soft_wrap=True, markup=False)
        key = f" -H 'x-api-key: {deployment.api_key}'"
    console.print("Try it:", soft_wrap=True)
    console.print(
        f"curl -k -X POST {deployment.api_url}voucher{key} -H 'Content-Type: application/json' -d {body}",
        soft_wrap=True,
        markup=False,
    )
