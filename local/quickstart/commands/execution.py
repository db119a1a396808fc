"""A run as a command makes it: started, drawn while it goes on, and explained if it fails."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.quickstart.here.api import Api
from local.quickstart.here.executions import Executions
from local.quickstart.here.source import upload
from local.quickstart.machine.record import Deployment
from local.quickstart.machine.steps import StepError, step
from local.quickstart.machine.terminal import notices
from local.quickstart.machine.workspace import Workspace
from local.quickstart.shown.run_progress import show_progress

if TYPE_CHECKING:
    from voucher_selection.api.run_reports import RunReport


def check_dates(option: str, dates: Sequence[str]) -> None:
    """Check the dates that an option gives.

    Raises
    ------
    StepError
        One is not a date like 2018-09-15.
    """
    for text in dates:
        try:
            datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - a date, without a zone
        except ValueError as error:
            raise StepError(f"{option} takes a date like 2018-09-15, not {text}") from error


def uploaded(workspace: Workspace, deployed: Deployment, source: str | Path) -> str:
    """Return a source's address for the functions; a local source is uploaded."""
    if isinstance(source, str):
        return source
    with step(f"Uploading {source.name}"):
        return upload(source, deployed.bucket, workspace.client("s3"))


def run_to_end(workspace: Workspace, deployed: Deployment, request: Mapping[str, Any]) -> "RunReport":
    """Run the state machine to its end; return the run as the API answers it.

    Raises
    ------
    StepError
        The run failed: with its state, error and cause.
    """
    executions, api = Executions(workspace, deployed), Api(workspace, deployed)
    run_id = executions.start(request)
    notices.print(f"  [dim]run {run_id}[/]")
    ended = show_progress(executions.follow(run_id), request.get("mode") or "full")
    if ended.status == "SUCCEEDED":
        return api.run(run_id)
    held_back = f"Publish it as it is: ./quickstart approve {run_id}\n" if ended.error == "HeldBack" else ""
    raise StepError(
        f"the run failed in {ended.current or 'its first state'} with {ended.error or ended.status}:"
        f" {ended.cause or 'no cause given'}\n{held_back}{_what_is_served(api, run_id)}"
        " The emulator stays up, for another run or the logs:"
        " ./quickstart logs ingest (or clean, assign, model); ./quickstart stop",
        facts={"run_id": run_id, "state": ended.current, "error": ended.error, "cause": ended.cause},
    )


def _what_is_served(api: Api, run_id: str) -> str:
    """Say what a run that failed did to the served model, as far as the API knows."""
    try:
        is_published = api.run(run_id)["published"]
    except StepError:
        return "The API does not answer which model is served now: ./quickstart versions."
    return "Its model was published all the same." if is_published else "A model that was served before stays served."
