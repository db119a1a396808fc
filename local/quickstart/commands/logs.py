"""The command that prints logs."""

from typing import Annotated

import typer

from local.quickstart.commands.session import AsJson, Commands, Product, explained, workspace_on
from local.quickstart.here import functions_log
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.terminal import answer
from voucher_selection.contract.functions import FUNCTIONS, INBOX

commands = Commands("What is up")
_EMULATOR = "emulator"
_FUNCTIONS = (*FUNCTIONS, INBOX)
_LOGS = (*_FUNCTIONS, _EMULATOR)


@commands.shown_with("./quickstart logs ingest", "./quickstart logs api -n 20")
def logs(
    *,
    function: Annotated[
        str, typer.Argument(help=f"{', '.join(_FUNCTIONS)}, or emulator.", autocompletion=lambda: _LOGS)
    ] = _EMULATOR,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many of the last lines to print.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Print the log of a function or of the emulator."""
    with explained(as_json=as_json):
        if function == _EMULATOR:
            log = workspace_on().log(_EMULATOR)
            if not log.is_file():
                raise StepError("the emulator has not been started yet: ./quickstart run -d")
            found = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        elif function in _FUNCTIONS:
            found = functions_log.last_lines(Product.running().workspace, function, lines)
        else:
            raise StepError(f"expected one of {', '.join(_LOGS)}, got {function!r}")
    if as_json:
        answer({"of": function, "lines": found})
        return
    for line in found:
        typer.echo(line)
