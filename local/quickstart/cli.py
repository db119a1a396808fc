"""The command line of `./quickstart`."""

import os
import sys
from typing import Annotated

import typer

from local.quickstart import completion
from local.quickstart.commands.loading import LoadedWhenCalled
from local.quickstart.commands.session import AS_JSON, examples
from local.quickstart.machine.terminal import answer_error

PROGRAM = "./quickstart"
_USAGE_ERROR = 2

app = typer.Typer(cls=LoadedWhenCalled, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback(
    epilog=examples("./quickstart run", "./quickstart report", 'eval "$(./quickstart --show-completion bash)"')
)
def quickstart(
    *,
    _show_completion: Annotated[
        str | None,
        typer.Option(
            "--show-completion",
            metavar="SHELL",
            help="Print the completion script for bash, zsh or fish, and exit.",
            callback=completion.show,
            is_eager=True,
        ),
    ] = None,
) -> None:
    """Voucher Selection on this machine: from a history of vouchers to the amount used most in each segment."""


def main() -> None:
    """Run the command line."""
    # It was only for finding this program; programs that it starts have their own.
    os.environ.pop("PYTHONPATH", None)
    completion.enable()
    if AS_JSON in sys.argv:
        _run_for_programs()
    app(prog_name=PROGRAM, complete_var=completion.VARIABLE)


def _run_for_programs() -> None:
    """Run a command for a program that reads its answer: an error of usage is JSON too."""
    try:
        sys.exit(app(prog_name=PROGRAM, complete_var=completion.VARIABLE, standalone_mode=False))
    except typer.TyperException as error:
        answer_error(error.format_message())
        sys.exit(_USAGE_ERROR)
