"""The emulator is a project of its own, with tests of its own, in an environment of its own."""

import os
import subprocess

from local.quickstart.machine import toolchain
from local.quickstart.machine.toolchain import EMULATOR, EMULATOR_ENVIRONMENT, LAMBDA_ENVIRONMENT
from local.quickstart.machine.workspace import Workspace
from tests.product import free_port


def test_the_emulator_passes_its_own_tests():
    toolchain.install(Workspace.at(free_port()), *toolchain.PRODUCT)
    # A run of pytest that is divided tells its parts so.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}

    done = subprocess.run(
        [EMULATOR_ENVIRONMENT / "bin/python", "-m", "pytest", "-p", "no:cacheprovider"],
        cwd=EMULATOR,
        env=inherited | {"PROCESS_EMULATOR_LAMBDA_PYTHON": str(LAMBDA_ENVIRONMENT / "bin/python")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-10_000:]
    assert " passed" in done.stdout.splitlines()[-1]
    assert "skipped" not in done.stdout.splitlines()[-1]
