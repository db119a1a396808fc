"""Every command that README and docs show is one that the quickstart takes, with settings that there are."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise

import pytest
import typer

from infra_cdk.context import stage_from_context
from infra_cdk.stages import StageError
from local.quickstart.cli import PROGRAM, app
from local.quickstart.commands.project import BENCHMARKS
from tests.docs.pages import PAGES, blocks, spans

# Up to what ends a command, in a shell or in a sentence of the program.
_COMMAND = re.compile(r"\./quickstart\b((?:\\\n|[^\n|;&#()`])*)")
_CODE = [code for page in PAGES for code in (*blocks(page), *spans(page))]


def commands_in(text: str) -> Iterator[str]:
    """Yield the arguments of each command, an argument that may be left out or is not said as one that is given."""
    for arguments in _COMMAND.findall(text):
        said = arguments.replace("\\\n", " ").replace("[", "").replace("]", "").replace("…", "1")
        yield said.replace("<stage>", "dev").replace("STAGE", "dev").strip(" \"'")


COMMANDS = sorted({command for code in _CODE for command in commands_in(code.text) if command})


def parse(command: str) -> None:
    """Parse a command without running it; where only its name is told, that is all there is to know."""
    program = typer.main.get_command(app)
    with program.make_context(PROGRAM, shlex.split(command)) as outer:
        name, found, rest = program.resolve_command(outer, [*outer._protected_args, *outer.args])
        if rest:
            found.make_context(name, rest, parent=outer).close()


def settings_in(command: str) -> dict[str, str]:
    """The settings of a stage that a command names, by their names, with the stage if it names one of them."""
    words = shlex.split(command)
    given = [value for option, value in pairwise(words) if option in {"-c", "--context", "--set"}]
    stages = [f"stage={value}" for option, value in pairwise(words) if option == "--stage" and given]
    return dict(pair.split("=", 1) for pair in stages + given)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_one_that_the_quickstart_takes(command: str):
    try:
        parse(command.replace("COMMAND", "run"))
    except typer.Exit as answered:  # help, and completions
        assert answered.exit_code == 0


@pytest.mark.parametrize("command", ["rum", "run --sourc a", "run --port one", "deploy --yes", "lock now"])
def test_the_check_sees_what_it_does_not_take(command: str):
    with pytest.raises(typer.TyperException):
        parse(command)


@pytest.mark.parametrize("command", [command for command in COMMANDS if settings_in(command)])
def test_the_settings_that_a_command_names_are_ones_of_the_stages(command: str):
    stage_from_context({name: value for name, value in settings_in(command).items() if name.lower() != "name"})


def test_a_setting_of_a_stage_on_aws_is_given_to_the_command_that_keeps_the_others():
    # the CDK itself starts from the defaults
    settings = [settings_in(command) for command in COMMANDS if command.startswith("cdk deploy")]

    assert [found for found in settings if found and found.get("stage") != "local"] == []


def test_a_setting_is_told_in_one_spelling():
    bare = [code.text for code in _CODE if re.match(r"-c [a-z_]+=", code.text)]
    short = [command for command in COMMANDS if " -c " in command and not command.startswith("cdk ")]

    assert bare + short == []


def test_the_check_sees_a_setting_that_there_is_not():
    with pytest.raises(StageError, match="most_kept_rows: no such setting"):
        stage_from_context(settings_in("run --set most_kept_rows=1"))


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("bench ")])
def test_a_benchmark_is_one_that_there_is(command: str):
    assert command.split()[1] in {*BENCHMARKS, "NAME", "1"}
