"""A run as a command makes it: started, drawn while it goes on, and explained if it fails."""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from local.quickstart.commands.session import Product
from local.quickstart.here.api import Api
from local.quickstart.here.recognised import Kind, recognise
from local.quickstart.here.source import resolve, upload
from local.quickstart.machine.going import Counted
from local.quickstart.machine.steps import StepError, step
from local.quickstart.machine.terminal import notices
from local.quickstart.shown.run_progress import show_progress
from local.quickstart.shown.texts import show_recognised
from voucher_selection.adapters.state_machine import Execution, StateMachine
from voucher_selection.contract.runs import HELD_BACK
from voucher_selection.domain import windows
from voucher_selection.domain.errors import DeliveryOverlaps
from voucher_selection.domain.source_addresses import is_address
from voucher_selection.domain.text_formats import CsvOptions
from voucher_selection.domain.validation import describe

if TYPE_CHECKING:
    from voucher_selection.api.run_reports import RunReport

_POLL_SECONDS = (0.1, 0.25)
"""The shortest and the longest pause before the next question: a run that takes long is asked about more rarely."""
_POLL_SHARE = 0.1


Window = Annotated[
    str | None,
    typer.Option(
        metavar="DAYS", help="Days of assignment: 2018-06-01..2018-07-31, 90 (the last 90 up to CUR_DATE), or all."
    ),
]
Overlap = Annotated[
    str | None,
    typer.Option(metavar="refuse|add|replace", help="What to do with days that are counted already. [dim]refuse[/]"),
]

Csv = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="What CSV files have, where it is not found out: delimiter, quote, encoding, decimal, thousands or"
        " date_format; may be given again. [dim]'decimal=,'[/]",
    ),
]


def csv_options(given: Sequence[str] | None) -> CsvOptions | None:
    """Return what `--csv` says of CSV files, None if it is not given; raise `StepError` if it cannot be read."""
    if not given:
        return None
    said: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or name in said:
            problem = "says this twice" if equals else "has no ="
            raise StepError(f"--csv takes NAME=VALUE, each name once, and {text!r} {problem}")
        said[name] = value
    try:
        return CsvOptions.model_validate(said)
    except ValidationError as error:
        raise StepError(f"--csv: {'; '.join(describe(error))}") from error


def check_window(window: str | None) -> None:
    """Check the days that `--window` gives; raise `StepError` if they cannot be read."""
    if window is None:
        return
    try:
        windows.Window.model_validate(window)
    except ValidationError as error:
        raise StepError(f"--window: {'; '.join(describe(error))}") from error


def check_dates(option: str, dates: Sequence[str]) -> None:
    """Check the dates that an option gives; raise `StepError` if one is not like 2018-09-15."""
    for text in dates:
        try:
            datetime.strptime(text, "%Y-%m-%d")  # noqa: DTZ007 - a date, without a zone
        except ValueError as error:
            raise StepError(f"{option} takes a date like 2018-09-15, not {text}") from error


def looked_at(source: str | None, kind: Kind, options: CsvOptions | None, state: Path, option: str) -> str | Path:
    """Return a source's address, or its path on this machine after a look at it; None is the sample.

    It prints what a run will recognise of text files.

    Raises
    ------
    StepError
        There is no such source, or a run will refuse one of its files.
    """
    if source and is_address(source.strip()):
        return source
    with step(f"Looking at {source or 'the sample'}"):
        resolved = resolve(source, state, option)
        if isinstance(resolved, Path):
            show_recognised(recognise(resolved, kind, options))
    return resolved


def uploaded(product: Product, source: str | Path) -> str:
    """Return a source's address for the functions; a local source is uploaded."""
    if isinstance(source, str):
        return source
    sent = Counted("bytes")
    with step(f"Uploading {source.name}", sent):
        return upload(source, product.deployed.bucket, product.workspace.client("s3"), sent)


def run_to_end(product: Product, request: Mapping[str, Any]) -> "RunReport":
    """Run the state machine, with the keys of a request that have a value; return the run as the API answers it.

    Step Functions starts and follows it, not the API: a deployment may not let its API start runs (the setting
    `start_runs`), and several questions a second would fill the API's log.

    Raises
    ------
    StepError
        The run failed: with its state, error and cause.
    """
    machine = StateMachine(product.deployed.state_machine_arn, product.workspace.client("stepfunctions"))
    run_id = machine.start({key: value for key, value in request.items() if value is not None})
    notices.print(f"  [dim]run {run_id}[/]")
    ended = show_progress(_followed(machine, run_id), request.get("mode") or "full")
    if ended.status == "SUCCEEDED":
        return product.api.run(run_id)
    held_back = ""
    if ended.error in HELD_BACK:
        how = " --overlap replace (or add)" if ended.error == DeliveryOverlaps.__name__ else ""
        held_back = f"Publish it as it is: ./quickstart approve {run_id}{how}\n"
    raise StepError(
        f"the run failed in {ended.current or 'its first state'} with {ended.error or ended.status}:"
        f" {ended.cause or 'no cause given'}\n{held_back}{_what_is_served(product.api, run_id)}"
        " The emulator stays up, for another run or the logs:"
        " ./quickstart logs ingest (or clean, assign, model); ./quickstart stop",
        facts={"run_id": run_id, "state": ended.current, "error": ended.error, "cause": ended.cause},
    )


def _followed(machine: StateMachine, run_id: str) -> Iterator[Execution]:
    """Yield how far an execution is until it has ended; the last one shows how."""
    started, (shortest, longest) = time.monotonic(), _POLL_SECONDS
    while not (progress := machine.execution(run_id)).ended:
        yield progress
        time.sleep(min(max(shortest, _POLL_SHARE * (time.monotonic() - started)), longest))
    yield progress


def _what_is_served(api: Api, run_id: str) -> str:
    """Say what a run that failed did to the served model, as far as the API knows."""
    try:
        is_published = api.run(run_id)["published"]
    except StepError:
        return "The API does not answer which model is served now: ./quickstart versions."
    return "Its model was published all the same." if is_published else "A model that was served before stays served."
