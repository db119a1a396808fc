"""What a first `./quickstart run` waits for: the packages of the program and of the synthesis, and no others."""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from layers.build.locks import entries
from local.quickstart.machine.workspace import ROOT

LOCK = ROOT / "requirements/quickstart.txt"
OURS = {"api", "infra_cdk", "layers", "local", "voucher_selection"}
# What they use, tests and checks bring: a check of its own, and a command that installs it first.
OF_DEVELOPMENT = {ROOT / f"local/quickstart/project/supply_chain/{name}.py" for name in ("secret_scan", "sbom")}


def imported(file: Path) -> Iterator[str]:
    """Yield the first part of each module that a file imports, but not what only type checkers read."""
    typing_only = [
        inner
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    ]
    left_out = {ast.unparse(node) for node in typing_only if isinstance(node, ast.Import | ast.ImportFrom)}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom) and ast.unparse(node) not in left_out:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            yield from (name.partition(".")[0] for name in names)


def test_the_program_and_the_synthesis_import_only_what_the_script_installs():
    locked = {package.name for package, _ in entries(LOCK)}
    distributions = packages_distributions()
    folders = ("local/quickstart", "infra_cdk", "layers")
    files = {file for folder in folders for file in (ROOT / folder).rglob("*.py")} - OF_DEVELOPMENT

    needed = {name for file in files for name in imported(file)} - sys.stdlib_module_names - OURS

    assert {"typer", "aws_cdk", "pyarrow"} <= needed
    missing = {name for name in needed if not {d.lower().replace("_", "-") for d in distributions[name]} & locked}
    assert missing == set()


def test_tests_and_checks_only_add_to_what_the_script_installs():
    assert set(entries(LOCK)) <= set(entries(ROOT / "requirements/dev.txt"))
