"""How fast it is: lookups one after the other, how functions start, and a run of many rows."""

import json
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from local.quickstart.here.sample import sample_history
from local.quickstart.machine.http_client import asking_often
from local.quickstart.proof import reference
from local.quickstart.proof.deployed import Deployed
from local.quickstart.proof.evidence import Evidence
from local.quickstart.proof.functions_log import Report
from local.quickstart.proof.given import COUNTRY, CUR_DATE, NO_GATE
from voucher_selection.api.examples import CUSTOMER

PART = "A run of many rows"
_LOOKUPS, _AT_ONCE = 200, 20
_SEED = 2020


def time_lookups(deployed: Deployed, evidence: Evidence) -> None:
    """Ask for the same customer: many times at once, which starts functions, and one after the other."""
    body = json.dumps(CUSTOMER)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        at_once = sorted(
            pool.map(lambda _: _timed(lambda _: deployed.caller.ask("voucher", body), body), range(_AT_ONCE))
        )
    with asking_often(f"{deployed.caller.url}voucher", deployed.caller.headers("voucher", body)) as ask:
        warm = sorted(_timed(ask, body) for _ in range(_LOOKUPS))
    deployed.caller.asked += _LOOKUPS
    evidence.show(
        "Lookups",
        "`POST /voucher`, as this machine sees it: many at once, each on a connection of its own, so that functions"
        " start for them; then one after the other on one connection.",
        ["requests", "p50, ms", "p99, ms", "slowest, ms"],
        [[f"{_AT_ONCE} at once", *_quantiles(at_once)], [f"{_LOOKUPS} in a row", *_quantiles(warm)]],
    )


def _quantiles(seconds: list[float]) -> list[str]:
    return [
        f"{1000 * each:.1f}" for each in (statistics.median(seconds), seconds[int(len(seconds) * 0.99)], seconds[-1])
    ]


def _timed(ask: Callable[[str], object], body: str) -> float:
    started = time.perf_counter()
    ask(body)
    return time.perf_counter() - started


def show_starts(reports: Sequence[Report], evidence: Evidence) -> None:
    """Show what the functions' logs say of their calls and starts."""
    by_function: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        by_function[report.function].append(report)
    rows = []
    for function, of_function in by_function.items():
        starts = [report.start_ms for report in of_function if report.start_ms]
        rows.append(
            [
                function,
                str(len(of_function)),
                f"{statistics.median(report.duration_ms for report in of_function):,.1f}",
                f"{max(report.duration_ms for report in of_function):,.1f}",
                f"{max(report.used_mb for report in of_function):,.0f} of {of_function[0].memory_mb:,.0f}",
                str(len(starts)),
                f"{statistics.median(starts):,.0f}" if starts else "-",
            ]
        )
    heads = ["function", "calls", "median, ms", "longest, ms", "memory, MB", "starts in the log", "median start, ms"]
    evidence.show("The functions", "From the lines that Lambda writes at the end of each call.", heads, rows)


def run_many(deployed: Deployed, evidence: Evidence, rows: int) -> None:
    """Run a history of many rows, and compare each of its counts."""
    table = sample_history(rows, _SEED)
    source = deployed.upload("proof/many/history.parquet", table)
    started = time.monotonic()
    request = {"source": source, "countries": [COUNTRY], "cur_date": str(CUR_DATE), "gate": NO_GATE}
    execution = deployed.ended(deployed.start(request))
    seconds = time.monotonic() - started
    report = deployed.asked(f"executions/{execution.run_id}")
    tried = f"{rows:,} rows"
    if not evidence.compare(PART, tried, "published", report["outcome"] or f"{execution.error}: {execution.cause}"):
        return
    _, expected = reference.answer(table, COUNTRY, CUR_DATE)
    deployed.await_version(report["version"])
    came = {
        (segment["segment_name"], segment["segment"]): {
            given["voucher_amount"]: given["count"] for given in segment["assignments"]
        }
        for segment in deployed.asked("selection_criteria")["segments"]
    }
    evidence.compare(PART, f"{tried}; every count", expected, came, says=f"{len(expected)} segments")
    states = [[name, f"{of_state:.1f}"] for name, of_state in execution.seconds.items()]
    evidence.show(
        PART,
        f"{rows:,} rows in {execution.shards} shards, from the start of the run to its end.",
        ["state", "seconds"],
        [*states, ["**whole run**", f"**{seconds:.1f}**"]],
    )
