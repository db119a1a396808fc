"""Where the browser comes from."""

import os
import shutil
from pathlib import Path

import pytest

from local.quickstart.machine.steps import StepError
from local.quickstart.machine.workspace import Workspace
from local.quickstart.project import browser

APT_GET = """#!/bin/sh
echo "$DEBIAN_FRONTEND $*"
[ "$1" = update ] && exit 0
printf '#!/bin/sh\\n' > {bin}/chromium
chmod +x {bin}/chromium
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder on the PATH, with what `apt-get` needs and no browser."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "chmod"):
        (folder / name).symlink_to(shutil.which(name) or name)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, 4566)


def provide(program: Path, content: str) -> None:
    program.write_text(content)
    program.chmod(0o755)


def test_a_browser_that_is_there_is_taken(programs: Path, workspace: Workspace):
    provide(programs / "google-chrome", "#!/bin/sh\n")

    browser.install(workspace)

    assert browser.find() == programs / "google-chrome"
    assert not workspace.log("browser").exists()


def test_where_there_is_none_debian_s_is_installed(programs: Path, workspace: Workspace):
    provide(programs / "apt-get", APT_GET.format(bin=programs))

    browser.install(workspace)

    assert browser.find() == programs / "chromium"
    log = workspace.log("browser").read_text()
    assert "noninteractive update" in log
    assert "noninteractive install -y --no-install-recommends chromium fonts-dejavu-core" in log


def test_packages_that_cannot_be_fetched_are_told(programs: Path, workspace: Workspace):
    provide(programs / "apt-get", "#!/bin/sh\nexit 100\n")

    with pytest.raises(StepError, match=r"is there a connection to Debian's packages\? \(exit code 100\)"):
        browser.install(workspace)


def test_a_machine_without_apt_get_is_told_what_to_install(programs: Path, workspace: Workspace):
    with pytest.raises(StepError, match="expected one of chromium, chromium-browser, google-chrome on the PATH"):
        browser.install(workspace)


def test_whoever_is_not_root_is_told_what_to_install(
    programs: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    provide(programs / "apt-get", "#!/bin/sh\nexit 0\n")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    with pytest.raises(StepError, match="Debian: apt-get install chromium"):
        browser.install(workspace)


@pytest.mark.parametrize(
    "arguments", [[], ["-x"], ["-k", "form"], ["tests"], ["tests/browser"], ["tests/browser/test_pages.py::test_a"]]
)
def test_a_browser_is_needed_by_tests_of_the_pages(arguments: list[str]):
    assert browser.is_tested(arguments)


@pytest.mark.parametrize("arguments", [["tests/unit"], ["-q", "tests/e2e/test_modes.py::test_a", "tests/unit"]])
def test_a_browser_is_not_needed_by_others(arguments: list[str]):
    assert not browser.is_tested(arguments)
