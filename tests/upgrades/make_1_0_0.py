"""Make what a stage of 1.0.0 leaves behind, by the code of that version: its bucket, its table and its API's document.

    .venv/bin/python -m tests.upgrades.make_1_0_0

It needs the project's whole git history, which a clone for CI may lack. So its result is kept in the repository.
"""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile

COMMIT = "f6301bf"  # the last one before the changes that CHANGELOG.md lists after 1.0.0
MADE = Path(__file__).with_name("made_by_1_0_0.zip")


def main() -> None:
    """Write `made_by_1_0_0.zip` again."""
    archive = subprocess.run(["git", "archive", COMMIT], capture_output=True, check=True).stdout
    with TemporaryDirectory() as code:
        with tarfile.open(fileobj=io.BytesIO(archive)) as files:
            files.extractall(code, filter="data")
        path = os.pathsep.join(f"{code}{folder}" for folder in ("", "/lambdas", "/layers/shared/python"))
        command = [sys.executable, Path(__file__).with_name("writing_1_0_0.py"), MADE]
        subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=True)
        with ZipFile(MADE, "a", ZIP_DEFLATED) as made:
            made.write(f"{code}/docs/openapi.json", "openapi.json")


if __name__ == "__main__":
    main()
