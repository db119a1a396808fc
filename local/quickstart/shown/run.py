"""What the quickstart shows of a run that has just ended, and the addresses to use now."""

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from local.quickstart.machine.record import Deployment
from local.quickstart.machine.terminal import console
from local.quickstart.shown.run_words import given_words, other_countries, striking_words, took
from local.quickstart.shown.texts import show_texts
from voucher_selection.contract.runs import MAPS, MERGE_SHARDS
from voucher_selection.domain.plans import UnusableSources
from voucher_selection.domain.wording import (
    amount,
    cost_of_country,
    duration,
    first_of,
    outcome,
    state_name,
)

if TYPE_CHECKING:
    from voucher_selection.api.run_reports import RunReport

_PAGES = {"Look up": "search_voucher", "Segments": "segments", "Report": "report", "Runs": "runs", "API": "docs"}


def show_states(run: "RunReport") -> None:
    """Print how long each state took."""
    for state in run["states"]:
        if state["seconds"] is not None:
            console.print(f"  {state_name(state['name'])}: {duration(state['seconds'])}{_items_of(run, state['name'])}")
    if run["rows"]:
        console.print(f"  All of it: {took(run)}")


def _items_of(run: "RunReport", state: str) -> str:
    """Return how many shards or groups the map of a state had, after a comma; empty if the state is no map."""
    if state == MERGE_SHARDS:
        return f", {run['groups']} groups"
    return f", {run['shards']} shard{'s' * (run['shards'] != 1)}" if state in MAPS else ""


def show_rows(summary: Mapping[str, Any]) -> None:
    """Print how many rows were read, rejected and kept, and what the run did."""
    rows = summary["rows"]
    rejected = ", ".join(f"{count:,} {rule}" for rule, count in rows["rejected"].items() if count) or "none"
    console.print(
        f"  {rows['rows_read']:,} rows read, {rows['other_country']:,} of other countries,"
        f" {sum(rows['rejected'].values()):,} rejected ({rejected}), {rows['kept']:,} kept"
    )
    if others := other_countries(summary):
        console.print(f"  Other countries: {', '.join(map(str, others))}", markup=False)
    if given := given_words(summary):
        console.print(f"  Given {given}")
    if rounded := rows.get("amounts_rounded"):
        console.print(f"  {rounded:,} of those kept have an amount that was rounded to 15 digits")
    for sentence in striking_words(summary):
        console.print(f"  [yellow]{sentence}[/]")
    again = summary.get("counted_again") or {}
    if again.get("days"):
        console.print(
            f"  {again['days']:,} of its days were counted before, with {again['counted_rows']:,} assignments;"
            f" replaced: {rows['replaced']:,}"
        )
    if summary["known_files"]:
        console.print(f"  Files counted before: {summary['known_files']:,}")
    show_texts(summary)
    _show_left_out(summary)
    _show_unusable(summary)
    show_outcome(summary)


def show_assignment(summary: Mapping[str, Any]) -> None:
    """Print how many customers have an amount, and where the amounts are."""
    problems = ", ".join(f"{count:,} {code}" for code, count in summary["problems"].items()) or "none"
    console.print(f"  {summary['rows']:,} customers, {summary['assigned']:,} with an amount; problems: {problems}")
    if summary.get("cost"):
        _show_cost(summary["cost"])
    show_texts(summary)
    _show_left_out(summary)
    console.print(f"  From model {summary['version']}, which stays served. Written to")
    console.print(f"  {summary['output']}")
    if summary.get("manifest_key"):
        console.print(f"  and listed in {summary['manifest_key']}")


def _show_cost(cost: Mapping[str, Any]) -> None:
    """Print what the amounts of each country add up to, beside one amount for all of its customers."""
    for country in cost["countries"]:
        console.print(f"  {cost_of_country(country)}", markup=False)
    if others := cost["all_countries"] - len(cost["countries"]):
        console.print(f"  And {others:,} more countries")


def _show_left_out(summary: Mapping[str, Any]) -> None:
    """Print which objects of the source's folder were not read; older summaries do not have them."""
    left_out = summary.get("left_out", {"objects": 0})
    if left_out["objects"]:
        names = first_of(left_out["names"], left_out["objects"])
        console.print(f"  Not read, because not named like parquet, CSV or JSON lines: {names}", markup=False)


def _show_unusable(summary: Mapping[str, Any]) -> None:
    """Print which files the run left out because they cannot be used; older summaries do not have them."""
    unusable = UnusableSources.model_validate(summary.get("unusable") or {})
    if unusable.files:
        names = first_of(unusable.names, unusable.files)
        console.print(f"  [yellow]Left out, because they cannot be used:[/] {escape(names)}")


def show_rollback(summary: Mapping[str, Any]) -> None:
    """Print which version is served now."""
    if summary["outcome"] == "published":
        console.print(f"  Version {summary['served_version']} is served again")
        console.print(f"  Served before: {summary['previous_version']}; the same command returns to it")
    else:
        console.print(f"  [yellow]It was served already: {summary['served_version']}[/]")


def show_remodel(summary: Mapping[str, Any]) -> None:
    """Print what a remodel changes."""
    console.print(f"  From the counts of run {summary['counts_run_id']}, to CUR_DATE {summary['cur_date']}")
    console.print(f"  {summary['changed_segments']} segments get another amount than from the model served before")
    for change in summary["changes"]:
        amounts = ["-" if value is None else amount(value) for value in (change["served_amount"], change["amount"])]
        segment = f"{change['country_code']} {change['segment_name']} {change['segment']}"
        console.print(f"    {segment}: {' -> '.join(amounts)}", markup=False)
    show_outcome(summary)


def show_outcome(summary: Mapping[str, Any]) -> None:
    """Print what a run did that published no model."""
    if summary["outcome"] != "published":
        did = outcome(summary["outcome"]).capitalize()
        console.print(f"  [yellow]{did}. Served: {summary['served_version']}[/]")


def show_addresses(deployment: Deployment, country: str) -> None:
    """Print the addresses of the API and its pages, with a lookup to paste."""
    from voucher_selection.api.examples import CUSTOMER  # noqa: PLC0415 - it reads the segments

    body = shlex.quote(json.dumps(CUSTOMER | {"country_code": country}))
    for name, page in _PAGES.items():
        console.print(f"{name:<9} {deployment.api_url}{page}")
    key = ""
    if deployment.api_key:
        console.print(f"API key   {deployment.api_key}", markup=False)
        key = f" -H 'x-api-key: {deployment.api_key}'"
    console.print("Try it:")
    console.print(
        f"curl -k -X POST {deployment.api_url}voucher{key} -H 'Content-Type: application/json' -d {body}", markup=False
    )
