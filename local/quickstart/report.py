"""What the quickstart shows of a run: its progress, the segments with their modes, and the addresses that work."""

import json
import shlex
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from local.quickstart.record import Deployment
from local.quickstart.steps import StepError, console
from local.quickstart.workspace import Workspace
from voucher_selection.state_machine import MAPS, STATES, Execution

_NOTICE_SECONDS = 30
_TITLES = {"Ingest": "Ingest", "CleanShards": "Clean", "AssignShards": "Assign", "Model": "Model"}
_LOOKUP = {
    "customer_id": 123,
    "country_code": "Peru",
    "total_orders": 15,
    "segment_name": "recency_segment",
    "last_order_ts": "2018-05-03 00:00:00",
    "first_order_ts": "2017-05-03 00:00:00",
}


def show_progress(progress: Iterator[Execution]) -> Execution:
    """Draw a bar per state while an execution goes on; return how it ended."""
    columns = TextColumn("  {task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Bars(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        tasks = {
            # a run has one of the maps, mostly that of a history
            state: bars.add_task(_TITLES[state], total=1, start=False, visible=state != "AssignShards")
            for state in STATES
        }
        for seen in progress:
            for state, task in tasks.items():
                _draw(bars, task, state, seen)
    for state in STATES:
        if state in seen.seconds:
            shards = f", {seen.shards} shard{'s' * (seen.shards != 1)}" if state in MAPS else ""
            console.print(f"  {_TITLES[state]}: {seen.seconds[state]:.1f} s{shards}")
    return seen


def _draw(bars: Bars, task: TaskID, state: str, seen: Execution) -> None:
    done = state in seen.seconds
    if done or seen.current == state:
        bars.start_task(task)
        bars.update(task, visible=True)
    total = seen.shards or 1 if state in MAPS else 1
    completed = total if done else seen.shards_done if state in MAPS else 0
    bars.update(task, total=total, completed=completed)
    if done:
        bars.stop_task(task)


def selection_criteria(workspace: Workspace, version: str) -> dict[str, Any]:
    """Ask the deployed API for the segments that it serves, once it has noticed that a version is published.

    Raises
    ------
    StepError
        It has not after half a minute.
    """
    deadline = time.monotonic() + _NOTICE_SECONDS
    while (criteria := _served_criteria(workspace))["model"]["version"] != version:
        if time.monotonic() > deadline:
            served = criteria["model"]["version"]
            raise StepError(
                f"version {version} was published, and after {_NOTICE_SECONDS} s the API still serves {served}"
            )
        time.sleep(0.1)
    return criteria


def _served_criteria(workspace: Workspace) -> dict[str, Any]:
    url = f"{workspace.endpoint_url}/_aws/execute-api/voucher/local/selection_criteria"
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310 - our own address
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        criteria: dict[str, Any] = json.load(answer)
    return criteria


def show_rows(summary: dict[str, Any]) -> None:
    """Print what became of the rows."""
    rows = summary["rows"]
    rejected = ", ".join(f"{count:,} {rule}" for rule, count in rows["rejected"].items() if count) or "none"
    console.print(
        f"  {rows['rows_read']:,} rows read, {rows['other_country']:,} of other countries,"
        f" {sum(rows['rejected'].values()):,} rejected ({rejected}), {rows['kept']:,} kept",
        soft_wrap=True,
    )
    if summary["known_files"]:
        console.print(f"  {summary['known_files']:,} of its files had been counted before")
    _show_outcome(summary)


def show_assignment(summary: dict[str, Any]) -> None:
    """Print what became of the customers, and where their amounts are."""
    problems = ", ".join(f"{count:,} {code}" for code, count in summary["problems"].items()) or "none"
    console.print(
        f"  {summary['rows']:,} customers, {summary['assigned']:,} with an amount; problems: {problems}", soft_wrap=True
    )
    console.print(f"  From model {summary['version']}, which stays served; written to", soft_wrap=True)
    console.print(f"  {summary['output']}", soft_wrap=True)


def show_remodel(summary: dict[str, Any]) -> None:
    """Print what a remodel changes."""
    console.print(f"  From the counts of run {summary['counts_run_id']}, to CUR_DATE {summary['cur_date']}")
    console.print(f"  {summary['changed_segments']} segments get another amount than from the model served before")
    for change in summary["changes"]:
        amounts = [
            f"{amount:g}" if amount is not None else "-" for amount in (change["served_amount"], change["amount"])
        ]
        console.print(
            f"    {change['country_code']} {change['segment_name']} {change['segment']}: {' -> '.join(amounts)}"
        )
    _show_outcome(summary)


def _show_outcome(summary: dict[str, Any]) -> None:
    served = summary["served_version"]
    told = {
        "published": None,
        "superseded": f"A newer run's model stays served: {served}",
        "nothing_new": f"There was nothing new to count; served stays {served}",
        "what_if": f"Nothing was published; served stays {served}",
    }[summary["outcome"]]
    if told:
        console.print(f"  [yellow]{told}[/]")


def show_segments(criteria: dict[str, Any]) -> None:
    """Print every segment with its mode."""
    title = f"The voucher amount used most, by segment (CUR_DATE {criteria['model']['cur_date']})"
    table = Table(title=title, box=SIMPLE_HEAD)
    for name in ("Country", "Segmentation", "Segment"):
        table.add_column(name, no_wrap=True)
    for name in ("Amount", "Support", "Share", "Runner-up"):
        table.add_column(name, justify="right", no_wrap=True)
    for segment in criteria["segments"]:
        table.add_row(
            segment["country_code"],
            segment["segment_name"],
            segment["segment"],
            *(_ranked(segment)),
        )
    console.print(table)


def _ranked(segment: dict[str, Any]) -> tuple[str, str, str, str]:
    """Return the mode, its support and share, and the runner-up, as text."""
    if not segment["assignments"]:
        return "-", "0", "-", "-"
    shares = [
        (f"{assignment['voucher_amount']:g}", f"{assignment['count'] / segment['support']:.1%}")
        for assignment in segment["assignments"][:2]
    ]
    (amount, share), *others = shares
    return amount, f"{segment['support']:,}", share, " at ".join(others[0]) if others else "-"


def show_addresses(deployment: Deployment, country: str) -> None:
    """Print where the API and its pages are, with a lookup to paste."""
    body = shlex.quote(json.dumps(_LOOKUP | {"country_code": country}))
    console.print(f"Look up   {deployment.api_url}search_voucher", soft_wrap=True)
    console.print(f"Segments  {deployment.api_url}selection_criteria", soft_wrap=True)
    console.print("Try it:", soft_wrap=True)
    console.print(
        f"curl -k -X POST {deployment.api_url}voucher -H 'Content-Type: application/json' -d {body}",
        soft_wrap=True,
        markup=False,
    )
