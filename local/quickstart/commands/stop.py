"""The command that stops the product."""

from local.quickstart.commands.session import AsJson, Commands, explained, workspace_on
from local.quickstart.machine import emulator
from local.quickstart.machine.record import Record
from local.quickstart.machine.terminal import answer, console
from local.quickstart.shown.settings import show_gone_here

commands = Commands("What is up")


@commands.shown_with("./quickstart stop")
def stop(*, as_json: AsJson = False) -> None:
    """Stop the emulator and everything that runs in it."""
    with explained(as_json=as_json):
        workspace = workspace_on()
        deployed = Record.read(workspace.state).deployment
        stopped = emulator.stop(workspace)
        if stopped and deployed:
            show_gone_here(workspace, deployed)
    if as_json:
        answer({"stopped": stopped})
    elif not stopped:
        console.print("No emulator was running.")
