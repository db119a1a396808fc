"""How every command is declared, begins and ends: its help, the product that it uses, and errors in words."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import typer
from rich.markup import escape

from local.quickstart.here.api import Api
from local.quickstart.machine import emulator, interrupts
from local.quickstart.machine.http_client import is_loopback
from local.quickstart.machine.record import Deployment, Record
from local.quickstart.machine.steps import StepError, end_of, explain
from local.quickstart.machine.terminal import answer_error, notices
from local.quickstart.machine.workspace import ROOT, Workspace

DEFAULT_PORT = 4566
AS_JSON = "--json"
_LEAST_FREE_BYTES = 2**20
_NO_SPACE = ("enospc", "no space left on device")

Given = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-c",
        metavar="NAME=VALUE",
        help="A setting of infra_cdk/stages.py; may be given again. Deployed settings stay.",
    ),
]
Reset = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="A setting that returns to its default; may be given again.")
]
ResetAll = Annotated[bool, typer.Option("--reset-all", help="Start from the defaults, not from what is deployed.")]
AsJson = Annotated[bool, typer.Option(AS_JSON, help="Print one JSON document on stdout, for programs.")]


def examples(*lines: str) -> str:
    """Return the end of a command's help: its examples."""
    return "\n".join(["[bold]Examples[/]", *(f"  {escape(line)}" for line in lines)])


class Commands(typer.Typer):
    """Commands below one heading of the help."""

    def __init__(self, heading: str) -> None:
        super().__init__()
        self._heading = heading

    def shown_with[Command: Callable[..., Any]](
        self, *lines: str, name: str | None = None, passed_on: bool = False
    ) -> Callable[[Command], Command]:
        """Return what makes a function a command with these examples in its help.

        Parameters
        ----------
        passed_on
            Whether the program behind the command gets all words after the first, `--help` too.
        """
        allowed = dict.fromkeys(("allow_extra_args", "ignore_unknown_options"), passed_on)
        words = allowed | {"allow_interspersed_args": not passed_on}
        return self.command(name, context_settings=words, rich_help_panel=self._heading, epilog=examples(*lines))


class Product(NamedTuple):
    """The product that is up: the workspace of its emulator, and the deployment there."""

    workspace: Workspace
    deployed: Deployment

    @classmethod
    def if_up(cls) -> "Product | None":
        """Return it; None if its emulator does not run or has no deployment, `StepError` if it cannot answer."""
        workspace = workspace_on()
        emulator.check_answering(workspace)
        deployed = Record.read(workspace.state).deployment
        return cls(workspace, deployed) if deployed and emulator.running(workspace) else None

    @classmethod
    def running(cls) -> "Product":
        """Return it; raise `StepError` if it is not up."""
        if product := cls.if_up():
            return product
        raise StepError("it is not running: ./quickstart run -d")

    @property
    def api(self) -> Api:
        """Its API."""
        return Api(self.workspace, self.deployed)


def workspace_on(port: int | None = None) -> Workspace:
    """Return the workspace, on the port of its emulator; raise `StepError` if it is up on another one."""
    workspace = Workspace.at(port or DEFAULT_PORT)
    known = emulator.running(workspace)
    if known is None:
        return workspace
    if port not in {None, known.port}:
        raise StepError(f"the emulator is up on port {known.port}: stop it first (./quickstart stop)")
    return Workspace(workspace.state, known.port)


@contextmanager
def explained(*, as_json: bool = False) -> Iterator[None]:
    """Turn errors into words on stderr, or JSON on stdout, and an exit code."""
    try:
        yield
    except KeyboardInterrupt as error:
        notices.print("Interrupted")
        raise typer.Exit(interrupts.EXIT_CODE) from error
    except StepError as error:
        _show(error, as_json=as_json)
    except Exception as error:
        if not (isinstance(error, OSError) or _is_of_aws(error)):
            raise
        _show(in_words(error), as_json=as_json)


def in_words(error: Exception) -> StepError:
    """Return an error of AWS's library or of the machine in words for the user."""
    what = type(error).__name__ if _is_of_aws(error) else ""
    if what == "ProfileNotFound":
        return StepError(f"{error}: name another with --profile or AWS_PROFILE, or make it with aws configure sso")
    if what == "ConfigParseError":
        return StepError(f"the AWS configuration cannot be read: {error}")
    asked = str(getattr(error, "kwargs", {}).get("endpoint_url"))
    is_emulator = isinstance(error, (TimeoutError, ConnectionError))  # of its API
    if is_emulator or is_loopback(urlsplit(asked).hostname or ""):
        return StepError(
            f"the emulator does not answer: {error}. ./quickstart logs shows what it does, ./quickstart stop ends it"
        )
    return StepError(str(error))


def _is_of_aws(error: Exception) -> bool:
    """Return whether AWS's library raised an error; if nothing has imported it, it has not."""
    library = sys.modules.get("botocore.exceptions")
    return library is not None and isinstance(error, (library.BotoCoreError, library.ClientError))


def _show(error: StepError, *, as_json: bool) -> None:
    if full := _full_disk(error.log):
        error = StepError(f"no space is left on {full}: {error}", error.log, error.facts)
    if as_json:
        log = {"log": str(error.log)} if error.log else {}
        answer_error(str(error), error.facts | log)
    else:
        explain(error)
    raise typer.Exit(1) from error


def _full_disk(log: Path | None) -> str | None:
    """Return which disk is full: that can be behind any failure, and whoever wrote a log may have made room again."""
    drafts = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - `tempfile` would try to write there
    for folder in (Workspace.folder(), ROOT, Path(drafts)):
        if folder.is_dir() and shutil.disk_usage(folder).free < _LEAST_FREE_BYTES:
            return f"the disk of {folder}"
    return "a disk" if log and any(words in end_of(log).lower() for words in _NO_SPACE) else None
