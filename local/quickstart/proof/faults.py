"""A fault that harms nothing: for a while no Clean may start, as in an account whose functions are all busy."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from local.quickstart.machine.interrupts import held_back
from local.quickstart.proof.deployed import Deployed
from local.quickstart.proof.evidence import Evidence
from local.quickstart.proof.runs import Runs

PART = "Faults"
_BUSY_SECONDS = 8


def run_while_busy(deployed: Deployed, evidence: Evidence, runs: Runs) -> None:
    """Start a run while Clean is throttled, end the throttling, and check that the run ends with the right counts."""
    try:
        with _throttled(deployed, "Clean"):
            run_id = deployed.start(runs.whole_history())
            time.sleep(_BUSY_SECONDS)
            status = deployed.machine.execution(run_id).status
            evidence.compare(PART, f"no Clean may start for {_BUSY_SECONDS} s: the run waits", "RUNNING", status)
    except (ClientError, BotoCoreError) as error:
        evidence.note(f"Clean was not throttled: {error}")
        return
    runs.check_whole("Clean may start again: the run", deployed.ended(run_id))


@contextmanager
def _throttled(deployed: Deployed, function: str) -> Iterator[None]:
    client, name = deployed.account.client("lambda"), deployed.functions[function]
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        with held_back():
            client.delete_function_concurrency(FunctionName=name)
