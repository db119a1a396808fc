"""The emulator is a project of its own, with tests of its own, in an environment of its own."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from local.quickstart.machine import toolchain
from local.quickstart.machine.toolchain import EMULATOR, EMULATOR_ENVIRONMENT, LAMBDA_ENVIRONMENT
from local.quickstart.machine.workspace import Workspace
from tests.product import free_port


def test_the_emulator_passes_its_own_tests():
    toolchain.install(Workspace.at(free_port()), *toolchain.PRODUCT)
    # A run of pytest that is divided tells its parts so.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}

    environment = inherited | {"PROCESS_EMULATOR_LAMBDA_PYTHON": str(LAMBDA_ENVIRONMENT / "bin/python")}
    files = sorted(str(file) for file in (EMULATOR / "tests").glob("test_*.py"))

    def passed(part: list[str]) -> None:
        command = [EMULATOR_ENVIRONMENT / "bin/python", "-m", "pytest", "-p", "no:cacheprovider", *part]
        done = subprocess.run(
            command, cwd=EMULATOR, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0, done.stdout[-10_000:]
        assert " passed" in done.stdout.splitlines()[-1]
        assert "skipped" not in done.stdout.splitlines()[-1]

    # Most of their time they wait: two parts at once take little more than half of it.
    with ThreadPoolExecutor(2) as parts:
        list(parts.map(passed, [files[::2], files[1::2]]))
