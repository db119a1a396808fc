"""The command that drops files into the inbox and follows what becomes of them."""

import time
from pathlib import Path
from typing import Annotated

import typer

from local.quickstart.commands.session import AsJson, Commands, Product, explained
from local.quickstart.here import drop as dropping
from local.quickstart.here import source as sources
from local.quickstart.machine.going import Counted
from local.quickstart.machine.steps import StepError, step
from local.quickstart.machine.terminal import answer
from local.quickstart.machine.workspace import Workspace
from local.quickstart.shown.inbox import show_result, show_sum

commands = Commands("Run")


@commands.shown_with(
    "./quickstart drop monday.parquet",
    "./quickstart drop monday.parquet days/",
    "./quickstart drop --json days/ | jq -r .results[].status",
)
def drop(
    *,
    paths: Annotated[list[str], typer.Argument(metavar="PATH…", help="Files or folders of this machine.")],
    as_json: AsJson = False,
) -> None:
    """Drop files into the inbox, and print what becomes of each.

    The product appends and serves them without a command. The exit code is 1 if one of them is not counted. The product
    must be up: ./quickstart run -d
    """
    with explained(as_json=as_json):
        files = dropping.named([_place(path) for path in paths])
        product = Product.running()
        bucket, s3 = product.deployed.bucket, product.workspace.client("s3")
        dropping.check_inbox(bucket, s3)
        since = time.time()
        named, dropped, found = f"{len(files):,} file{'s' * (len(files) != 1)}", [], []
        done, settled = Counted("files", len(files)), Counted("files", len(files))
        with step(f"Dropping {named}", done):
            for file in dropping.drop(files, bucket, s3):
                dropped.append(file)
                done.add(1)
        with step(f"Waiting for what becomes of {named}", settled):
            for result in dropping.results(dropped, since, bucket, s3):
                found.append(result)
                settled.add(1)
                if not as_json:
                    show_result(result)
    if as_json:
        answer({"results": [result.model_dump(mode="json") for result in found]})
    else:
        show_sum(found, time.time() - since)
    if any(result.status not in {"counted", "counted_before"} for result in found):
        raise typer.Exit(1)


def _place(path: str) -> Path:
    resolved = sources.resolve(path, Workspace.folder(), option="PATH")
    if isinstance(resolved, str):
        raise StepError(f"expected files of this machine, got {path}: append it with run -d --append --source {path}")
    return resolved
