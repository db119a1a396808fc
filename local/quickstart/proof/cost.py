"""What a proof cost, by the price list of the project's cost page."""

import tomllib
from collections.abc import Sequence

from local.quickstart.machine.workspace import ROOT
from local.quickstart.proof.deployed import Deployed
from local.quickstart.proof.evidence import Evidence
from local.quickstart.proof.functions_log import Report

PRICES = ROOT / "benchmarks/prices.toml"
_MOST_RUNS = 1000


def show_cost(deployed: Deployed, evidence: Evidence, reports: Sequence[Report]) -> None:
    """Show what was used, and its price; what no log counts, like requests to S3, is left out."""
    listed = tomllib.loads(PRICES.read_text(encoding="utf-8"))
    price = listed["price"]
    gb_seconds = sum(report.billed_ms / 1000 * report.memory_mb / 1024 for report in reports)
    used = {
        "GB-seconds of functions": (gb_seconds, price["lambda_gb_second"]),
        "calls of functions": (len(reports), price["lambda_request"]),
        "state transitions": (_transitions(deployed), price["states_transition"]),
        "requests to the API": (deployed.caller.asked, price["api_request"]),
    }
    rows = [
        [name, f"{amount:,.1f}".removesuffix(".0"), f"{amount * each:.4f}"] for name, (amount, each) in used.items()
    ]
    total = sum(amount * each for amount, each in used.values())
    words = (
        f"By `benchmarks/prices.toml` ({listed['region']}, {listed['as_of']}); storage, logs, alarms and requests to S3"
        " and DynamoDB are not counted."
    )
    evidence.show("Cost", words, ["used", "", "$"], [*rows, ["**total**", "", f"**{total:.4f}**"]])


def _transitions(deployed: Deployed) -> int:
    """Count the states that runs entered; of those of shards, which have executions of their own, as many as calls."""
    client, arn = deployed.account.client("stepfunctions"), deployed.outputs["StateMachineArn"]
    runs = client.list_executions(stateMachineArn=arn, maxResults=_MOST_RUNS)["executions"]
    entered = 0
    for run in runs:
        pages = client.get_paginator("get_execution_history").paginate(
            executionArn=run["executionArn"], includeExecutionData=False
        )
        events = [event for page in pages for event in page["events"]]
        entered += sum(event["type"].endswith("StateEntered") for event in events)
        for event in events:
            if started := event.get("mapRunStartedEventDetails"):
                counts = client.describe_map_run(mapRunArn=started["mapRunArn"])["itemCounts"]
                entered += counts["total"]
    return entered
