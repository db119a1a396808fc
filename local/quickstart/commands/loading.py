"""The commands of the command line, each of them loaded when it is called.

Loading all of them takes longer than most of them work. The help and the shell need only words of them, which are read
from the source of their modules.
"""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TypeGuard

import typer
from typer.core import TyperCommand, TyperGroup

# In the order of the help.
_MODULES = (
    *("run", "drop", "remodel", "assign", "report", "lookup", "versions", "best_ranges", "export"),
    *("status", "runs", "logs", "stop", "deploy", "prove", "project"),
)
_DECORATOR, _GROUP = "shown_with", "Commands"


class UnloadedCommand(TyperCommand):
    """A command of which only the name, the help and the heading are known."""

    def __init__(self, module: str, name: str, text: str | None, heading: str) -> None:
        super().__init__(name, help=text, rich_help_panel=heading)
        self._module = module

    def loaded(self) -> Any:  # noqa: ANN401 - Typer's own Click has no types
        """Return the command with its options, and with what it does."""
        group = import_module(f"{__package__}.{self._module}").commands
        return typer.main.get_group(group).commands[str(self.name)]


class LoadedWhenCalled(TyperGroup):
    """The group of all commands."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - Typer's
        super().__init__(**options)
        self.commands = {str(command.name): command for module in _MODULES for command in _commands_of(module)}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:  # noqa: ANN401 - Typer's
        """Return the command that is called, loaded."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command.loaded() if isinstance(command, UnloadedCommand) else command, rest


def _commands_of(module: str) -> Iterator[UnloadedCommand]:
    """Yield the commands that a module declares with the decorator of its `Commands`, in their order."""
    statements = ast.parse(Path(__file__).with_name(f"{module}.py").read_bytes()).body
    assigned = (statement.value for statement in statements if isinstance(statement, ast.Assign))
    (heading,) = (ast.literal_eval(value.args[0]) for value in assigned if _is_call(value, _GROUP))
    for function in statements:
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in function.decorator_list:
            if _is_call(call, _DECORATOR):
                given = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
                yield UnloadedCommand(module, given.get("name", function.name), ast.get_docstring(function), heading)


def _is_call(code: ast.expr, name: str) -> TypeGuard[ast.Call]:
    return isinstance(code, ast.Call) and ast.unparse(code.func).rpartition(".")[2] == name
