"""The command that makes the model again from counts, or shows what would change."""

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from local.quickstart.commands.execution import Window, check_dates, check_window, run_to_end
from local.quickstart.commands.session import AsJson, Commands, Product, explained
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.terminal import answer, notices
from local.quickstart.shown.model import show_segments
from local.quickstart.shown.run import show_remodel, show_states

commands = Commands("Run")


@commands.shown_with(
    "./quickstart remodel --cur-date 2018-10-01", "./quickstart remodel --what-if --segments my-segments.json"
)
def remodel(
    *,
    cur_date: Annotated[str | None, typer.Option(help="Days since the last order count up to it.")] = None,
    window: Window = None,
    segments: Annotated[Path | None, typer.Option(help="Segment definitions: a file like segments.json.")] = None,
    run_id: Annotated[
        str | None, typer.Option(help="The run whose counts to use; default: those behind the served model.")
    ] = None,
    what_if: Annotated[bool, typer.Option("--what-if", help="Only show what would change.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the model again from counts, for other days or segments.

    Inputs that are not named stay as served. The product must be up: ./quickstart run -d
    """
    with explained(as_json=as_json):
        check_dates("--cur-date", [cur_date] if cur_date else [])
        check_window(window)
        request = {
            "mode": "remodel",
            "cur_date": cur_date,
            "window": window,
            "segments": _read_segments(segments) if segments else None,
            "run_id": run_id,
            "publish": not what_if,
        }
        product = Product.running()
        ended = run_to_end(product, request)
        summary = ended["summary"]
        modelled = _modelled(product, summary)
        if as_json:
            changed = {key: summary[key] for key in ("changed_segments", "changes")}
            answer({"run": ended, **changed, "modelled": modelled})
            return
        show_states(ended)
        show_remodel(summary)
        show_segments(modelled)
        if segments and not what_if:
            notices.print(
                "The next full run uses the deployment's own segments again. To make these its own:"
                f" ./quickstart run --set segments_file={shlex.quote(str(segments))}",
                markup=False,
            )


def _read_segments(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise StepError(f"--segments takes a JSON file; {file} is not JSON: {error}") from error


def _modelled(product: Product, summary: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a document in JSON
    """Return the made model; that of a what-if is only in the bucket, since the API answers only its own what-ifs."""
    if not summary["what_if_key"]:
        return product.api.criteria_of(summary["served_version"])
    s3 = product.workspace.client("s3")
    return json.load(s3.get_object(Bucket=product.deployed.bucket, Key=summary["what_if_key"])["Body"])
