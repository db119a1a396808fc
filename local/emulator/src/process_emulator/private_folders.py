"""Folders that only their owner can reach, whatever the umask is."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SharedFolderError(Exception):
    """A folder that others use too, or that belongs to someone else: it cannot be made private."""


def make_private(folder: Path) -> None:
    """Make the folder, or take an existing one from everybody else; SharedFolderError if it is not ours to take."""
    folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    found = folder.stat()
    if not stat.S_IMODE(found.st_mode) & _OTHERS and os.geteuid() in {0, found.st_uid}:
        return
    if found.st_mode & stat.S_ISVTX or os.geteuid() not in {0, found.st_uid}:
        raise SharedFolderError(f"the folder {folder} is shared with other users of the machine: name one of your own")
    folder.chmod(stat.S_IRWXU)
