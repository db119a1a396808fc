"""Lock files: the packages that they name, with versions and hashes."""

import re
from pathlib import Path
from typing import NamedTuple

_ENTRY = re.compile(r"^(?=\S)", re.MULTILINE)
_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[\w,-]+\])?==([^\s;]+)")


class Package(NamedTuple):
    """A package of a lock; `version` is empty where the lock pins none."""

    name: str
    version: str
    sha256: tuple[str, ...]


def entries(lock: Path) -> list[tuple[Package, str]]:
    """Return each package of a lock with the text of its entry: its requirement and its hashes."""
    found = (entry.strip() for entry in _ENTRY.split(lock.read_text()) if entry.strip())
    return [(_package(entry), entry) for entry in found]


def _package(entry: str) -> Package:
    pinned = _PINNED.match(entry)
    name, version = pinned.groups() if pinned else (entry.split(maxsplit=1)[0], "")
    return Package(name, version, tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", entry)))
