"""The packages of the locks, with their hashes."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from local.quickstart.machine.workspace import ROOT

SHIPPED = (ROOT / "requirements/shared.txt", ROOT / "requirements/analytics.txt")
PROJECT = tuple(sorted((ROOT / "requirements").glob("*.txt")))
EMULATOR = tuple(sorted((ROOT / "local/emulator").glob("*requirements.txt")))

_ENTRY = re.compile(r"^(?=\S)", re.MULTILINE)
_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==([^\s;]+)")


class Package(NamedTuple):
    """A package of a lock; `version` is empty if the lock pins none."""

    name: str
    version: str
    sha256: tuple[str, ...]


def packages(locks: Sequence[Path]) -> list[Package]:
    """Return the packages of locks, each version once; a line that pins no version is a package without one."""
    found = [_package(entry) for lock in locks for entry in _ENTRY.split(lock.read_text()) if entry.strip()]
    return list(dict.fromkeys(found))


def _package(entry: str) -> Package:
    pinned = _PINNED.match(entry)
    name, version = pinned.groups() if pinned else (entry.split(maxsplit=1)[0], "")
    return Package(name, version, tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", entry)))
