"""The page of the quickstart's commands, made from its parser."""

import re
from typing import Any

from local.quickstart.project.reference import markdown


def page(parser: Any) -> str:  # noqa: ANN401 - Typer's own Click has no types
    """Return the page of a parser with commands."""
    return markdown.page(
        "Commands",
        "the quickstart's parser",
        "What each prints and its JSON: [the terminal](../terminal.md).",
        *(_section(name, command.loaded()) for name, command in parser.commands.items()),
    )


def _section(name: str, command: Any) -> str:  # noqa: ANN401
    usage = [
        "./quickstart",
        name,
        *(_placed(param) for param in command.params if param.required or param.param_type_name == "argument"),
    ]
    shown = [param for param in command.params if param.help and not param.hidden]
    parts = [f"## {name}", _plain(command.help), f"```\n{' '.join(usage)}\n```"]
    if shown:
        parts.append(markdown.table(["", "", "default"], [_row(param) for param in shown]))
    parts.append("```\n" + "\n".join(line.strip() for line in _plain(command.epilog).splitlines()[1:]) + "\n```")
    return "\n\n".join(parts)


def _placed(param: Any) -> str:  # noqa: ANN401
    if param.param_type_name == "option":
        return f"{param.opts[0]} {param.name.upper()}"
    return param.name.upper() if param.required else f"[{param.name.upper()}]"


def _row(param: Any) -> list[str]:  # noqa: ANN401
    names = ", ".join(f"`{option}`" for option in param.opts)
    said = _plain(param.help)
    if param.envvar:
        said += f" Environment variable `{param.envvar}`."
    default = "" if param.default in {None, False} else f"`{param.default}`"
    if param.param_type_name == "argument":
        names = f"`{_placed(param)}`"
    return [names, said, "required" if param.required else default]


def _plain(text: str) -> str:
    """Return help without its marks for the terminal."""
    return re.sub(r"(?<!\\)\[/?(?:bold|dim)?\]", "", text).replace("\\[", "[")
