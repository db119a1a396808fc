"""The packages of the locks, with their hashes."""

from collections.abc import Sequence
from pathlib import Path

from layers.build.locks import Package, entries
from local.quickstart.machine.workspace import ROOT

SHIPPED = (ROOT / "requirements/shared.txt", ROOT / "requirements/analytics.txt")
PROJECT = tuple(sorted((ROOT / "requirements").glob("*.txt")))
EMULATOR = tuple(sorted((ROOT / "local/emulator").glob("*requirements.txt")))


def packages(locks: Sequence[Path]) -> list[Package]:
    """Return what the locks name, each version once; a line that pins nothing is a package without a version."""
    return list(dict.fromkeys(package for lock in locks for package, _ in entries(lock)))
