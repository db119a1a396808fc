"""The browser for the tests of the web pages: one on the machine, or else Debian's Chromium."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from local.quickstart.machine.steps import StepError, command, step
from local.quickstart.machine.workspace import ROOT, Workspace

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Chromium has no fonts; without the system's, it draws boxes for letters.
_PACKAGES = ("chromium", "fonts-dejavu-core")
_TESTS = ROOT / "tests/browser"


def find() -> Path | None:
    """Return the first of `PROGRAMS` that is on the PATH."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    return Path(found) if found else None


def is_tested(arguments: Sequence[str]) -> bool:
    """Return whether pytest with these arguments may run tests of the web pages: always, unless they name others."""
    named = [ROOT / argument.partition("::")[0] for argument in arguments if not argument.startswith("-")]
    places = [place.resolve() for place in named if place.exists()]
    return not places or any(_TESTS.is_relative_to(place) or place.is_relative_to(_TESTS) for place in places)


def install(workspace: Workspace) -> None:
    """Install Debian's Chromium if the machine has no browser; raise `StepError` if that is not possible."""
    if find():
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise StepError(
            f"the web pages' tests need a browser: expected one of {', '.join(PROGRAMS)} on the PATH, found none. "
            "Install Chromium with your system's packages (Debian: apt-get install chromium) and run this again"
        )
    log = workspace.log("browser")
    environment = dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive"}
    why = "Chromium could not be installed: is there a connection to Debian's packages?"
    with step("Installing Chromium"):
        command(["apt-get", "update"], log, why, cwd=ROOT, env=environment)
        arguments = ["apt-get", "install", "-y", "--no-install-recommends", *_PACKAGES]
        command(arguments, log, why, cwd=ROOT, env=environment)
        if not find():
            raise StepError(f"expected one of {', '.join(PROGRAMS)} on the PATH after installing Chromium", log)
