"""An execution as a command runs it: started, its progress drawn, its failure told."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from local.quickstart import report
from local.quickstart.api import Api
from local.quickstart.executions import Executions
from local.quickstart.http_client import Answer
from local.quickstart.record import Deployment
from local.quickstart.runs import Runs
from local.quickstart.steps import StepError
from local.quickstart.terminal import notices
from local.quickstart.workspace import Workspace


class Ran(NamedTuple):
    """A run that succeeded: told, as `Runs` does, and its `run.json`."""

    run: dict[str, Any]
    summary: dict[str, Any]


def executed(workspace: Workspace, deployed: Deployment, request: Mapping[str, Any]) -> Ran:
    """Run the state machine to its end.

    Raises
    ------
    StepError
        The run failed: with its state, error and cause.
    """
    executions = Executions(workspace, deployed)
    run_id = executions.start(request)
    notices.print(f"  [dim]run {run_id}[/]")
    ended = report.show_progress(executions.follow(run_id), request.get("mode"))
    if ended.status != "SUCCEEDED":
        held_back = f"Publish it as it is: ./quickstart approve {run_id}\n" if ended.error == "HeldBack" else ""
        raise StepError(
            f"the run failed in {ended.current or 'its first state'} with {ended.error or ended.status}:"
            f" {ended.cause or 'no cause given'}\n{held_back}"
            f"{_what_is_served(Api(workspace, deployed).run(run_id))}"
            " The emulator stays up, for another run or the logs:"
            " ./quickstart logs ingest (or clean, assign, model); ./quickstart stop",
            facts={"run_id": run_id, "state": ended.current, "error": ended.error, "cause": ended.cause},
        )
    return Ran(Runs(workspace, deployed).told(run_id), executions.summary(run_id))


def _what_is_served(report: Answer) -> str:
    """Say what a run that failed has done to the served model, as far as the API knows."""
    if not report.is_good:
        return "The API does not answer what is served now: ./quickstart versions."
    return (
        "Its model was published all the same."
        if report.body["published"]
        else "A model that was served before stays served."
    )
