"""The checks of `./quickstart test` that go on at the same time."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from local.quickstart.machine.steps import StepError
from local.quickstart.machine.workspace import ROOT, Workspace
from local.quickstart.project.checks import Check, checks, named, quick, run_all, run_tests
from tests.product import Product


def python(name: str, program: str) -> Check:
    return Check(name, name.title(), (sys.executable, "-c", program), f"{name} found faults")


def test_all_faults_are_told_and_not_only_the_first(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    found = [
        python("style", "import sys; sys.exit('a line is too long')"),
        python("types", "print('no faults')"),
        python("tests", "import sys; sys.exit('2 failed')"),
    ]

    with pytest.raises(StepError, match="2 of 3 checks failed: ") as failure:
        run_all(found, Workspace(tmp_path, 4566))

    told = capfd.readouterr().err
    assert {"Style", "Tests"} == set(str(failure.value).partition(": ")[2].split(", "))
    assert "style found faults (exit code 1)" in told
    assert "a line is too long" in told
    assert "2 failed" in told
    assert "✓ Types" in told
    assert "no faults" not in told


def test_checks_go_on_at_the_same_time(tmp_path: Path):
    other = {"one": "two", "two": "one"}
    meet = (
        "import pathlib, time\n"
        "pathlib.Path({mine!r}).touch()\n"
        "deadline = time.monotonic() + 20\n"
        "while not pathlib.Path({other!r}).exists():\n"
        "    assert time.monotonic() < deadline\n"
        "    time.sleep(0.01)\n"
    )

    run_all(
        [
            python(mine, meet.format(mine=str(tmp_path / mine), other=str(tmp_path / theirs)))
            for mine, theirs in other.items()
        ],
        Workspace(tmp_path, 4566),
    )


def test_what_a_check_concludes_is_told_though_it_found_no_faults(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    program = "print('not audited: no advisories'); print('0 packages audited, 20 could not be')"
    arguments = (sys.executable, "-c", program)

    run_all(
        [
            Check("advisories", "Advisories", arguments, "a known vulnerability", concludes=True),
            Check("others", "Others", arguments, "faults"),
        ],
        Workspace(tmp_path, 4566),
    )

    told = capfd.readouterr().err
    assert told.count("0 packages audited, 20 could not be") == 1
    assert "not audited: no advisories" not in told


def test_the_checks_are_of_the_code_the_site_the_contract_what_is_shipped_and_the_emulator():
    code = {"style", "format", "imports", "types", "emulator-types"}
    assert {check.name for check in checks()} == code | {"site", "contract", "secrets", "advisories"}


def test_a_check_is_found_by_its_name():
    assert [check.title for check in named(["style", "types"])] == ["Types (mypy --strict)", "Style (ruff check)"]


def test_a_check_that_there_is_not_is_named_with_those_that_are():
    with pytest.raises(StepError, match=r"expected some of .*types, .*, got spelling"):
        named(["style", "spelling"])


@pytest.fixture
def asked_of_pytest(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments of pytest, which is not started and ends with 5."""
    asked: list[str] = []

    def run(command: list[str | Path], **_: object) -> SimpleNamespace:
        asked.extend(map(str, command[3:]))
        return SimpleNamespace(returncode=5)

    monkeypatch.setattr("local.quickstart.project.checks.subprocess.run", run)
    return asked


def test_quick_tests_leave_out_what_needs_an_emulator_a_browser_or_load(asked_of_pytest: list[str]):
    assert run_tests([], quick=True) == 5

    left_out = [Path(argument.removeprefix("--ignore=")) for argument in asked_of_pytest if "--ignore" in argument]
    needed = f"product: {Product.__name__}"
    of_product = [file for file in ROOT.glob("tests/*/test_*.py") if needed in file.read_text("utf-8")]
    assert {file.parent for file in of_product} | {ROOT / "tests/emulator"} == set(left_out)
    assert [check.name for check in checks() if check not in quick()] == ["emulator-types"]


def test_all_tests_and_named_ones_leave_nothing_out(asked_of_pytest: list[str]):
    run_tests([])
    run_tests(["tests/e2e", "-k", "rules"])

    assert asked_of_pytest == ["-n", "3", "--dist", "loadscope", "tests/e2e", "-k", "rules"]


def test_named_tests_are_asked_for_as_named_though_they_are_to_be_quick(asked_of_pytest: list[str]):
    run_tests(["tests/unit", "-k", "rules"], quick=True)

    assert asked_of_pytest[:3] == ["tests/unit", "-k", "rules"]
    assert f"--ignore={ROOT / 'tests/e2e'}" in asked_of_pytest
