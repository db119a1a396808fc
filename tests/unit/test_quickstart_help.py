"""The help of `./quickstart` and of each of its commands."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from local.quickstart.cli import PROGRAM, app
from local.quickstart.commands import loading

COMMANDS = (
    *("run", "drop", "remodel", "assign", "report", "lookup", "versions", "rollback", "best-ranges"),
    *("status", "runs", "logs", "stop"),
    *("deploy", "destroy", "test", "check", "cdk", "docs", "bench", "audit", "lock"),
)


def shown(*arguments: str) -> list[str]:
    """Return the lines of what is printed, without what aligns and frames them."""
    found = CliRunner().invoke(app, [*arguments, "--help"], prog_name=PROGRAM)
    assert found.exit_code == 0, found.output
    return [line.strip(" │") for line in found.stdout.splitlines()]


def test_the_help_lists_every_command_on_a_line_of_its_own():
    listed = [line for line in shown() if line.startswith(tuple(f"{command} " for command in COMMANDS))]

    assert [line.split()[0] for line in listed] == list(COMMANDS)
    assert all(line.endswith(".") for line in listed)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples(command: str):
    lines = shown(command)

    examples = lines[lines.index("Examples") + 1 :]
    assert examples[0].startswith(f"./quickstart {command}")
    assert lines[1].startswith(f"Usage: ./quickstart {command}")


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"test", "check", "cdk", "docs", "bench", "audit", "lock"}))
def test_every_command_of_the_product_answers_programs(command: str):
    assert any(line.startswith("--json ") for line in shown(command))


def test_what_the_help_says_of_commands_is_what_they_say_themselves():
    listed = typer.main.get_command(app).commands

    for command in listed.values():
        loaded = command.loaded()
        assert (loaded.name, loaded.help, loaded.rich_help_panel) == (
            command.name,
            command.help,
            command.rich_help_panel,
        )


def test_no_command_is_left_out_of_the_help():
    declaring = {
        file.stem for file in Path(loading.__file__).parent.glob("*.py") if "\ncommands = Comm" in file.read_text()
    }

    assert set(loading._MODULES) == declaring
