"""The packages of the locks, with their hashes."""

from collections.abc import Sequence
from pathlib import Path

from layers.build.locks import Package, entries
from local.quickstart.machine.workspace import ROOT

SHIPPED = (ROOT / "requirements/shared.txt", ROOT / "requirements/analytics.txt")
CONTRACT = ROOT / "requirements/contract.txt"
PROJECT = tuple(sorted({*(ROOT / "requirements").glob("*.txt")} - {CONTRACT}))
"""The locks that agree on one version of each package."""
APART = (CONTRACT, *sorted((ROOT / "local/emulator").glob("*requirements.txt")))
"""The locks of programs with versions of their own: the tool of the data contract, and the emulator."""


def packages(locks: Sequence[Path]) -> list[Package]:
    """Return what the locks name, each version once; a line that pins nothing is a package without a version."""
    return list(dict.fromkeys(package for lock in locks for package, _ in entries(lock)))
