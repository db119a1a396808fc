"""The checks of `./quickstart test` that go on at the same time."""

import sys
from pathlib import Path

import pytest

from local.quickstart.checks import Check, checks, run_all
from local.quickstart.steps import StepError
from local.quickstart.workspace import Workspace


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


def test_the_checks_are_style_types_the_site_and_the_emulator_s_own():
    own = {"emulator-types", "emulator-tests"}

    assert {check.name for check in checks()} == {"style", "format", "types", "site"} | own
