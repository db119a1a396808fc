"""Completion of commands, options and names by the shell.

The shell looks a completion up by the last part of a command's path. So the one for `quickstart` completes
`./quickstart` in every folder, and asks the program that was typed.
"""

import typer
from typer.completion import get_completion_inspect_parameters

VARIABLE = "_QUICKSTART_COMPLETE"
"""Set to `complete_<shell>`, this variable makes the program answer with completions, by Typer's protocol."""

_BASH = f"""\
_quickstart_completion() {{
    local IFS=$'\\n'
    COMPREPLY=( $(COMP_WORDS="${{COMP_WORDS[*]}}" COMP_CWORD=$COMP_CWORD {VARIABLE}=complete_bash "$1" 2>/dev/null) )
}}
complete -o default -F _quickstart_completion quickstart"""

_ZSH = f"""\
#compdef quickstart
_quickstart_completion() {{
    eval "$(_TYPER_COMPLETE_ARGS="${{words[1,$CURRENT]}}" {VARIABLE}=complete_zsh "${{words[1]}}" 2>/dev/null)"
}}
compdef _quickstart_completion quickstart"""

_FISH = f"""\
function __quickstart_completion
    set -l words (commandline -opc)
    env {VARIABLE}=complete_fish _TYPER_COMPLETE_FISH_ACTION=$argv[1] \\
        _TYPER_COMPLETE_ARGS=(commandline -cp | string collect) $words[1] 2>/dev/null
end
complete --command quickstart --no-files --condition "__quickstart_completion is-args" \\
    --arguments "(__quickstart_completion get-args)\""""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def enable() -> None:
    """Make Typer know the shells, which it does only for its own `--show-completion`.

    Typer's own scripts are not used: they make the name of a variable from `./quickstart`, and it is invalid.
    """
    get_completion_inspect_parameters()


def show(shell: str | None) -> None:
    """Print the script for a shell; raise `BadParameter` if the program has none."""
    if shell is None:
        return
    if shell not in SCRIPTS:
        raise typer.BadParameter(f"expected one of {', '.join(SCRIPTS)}, got {shell}")
    typer.echo(SCRIPTS[shell])
    raise typer.Exit
