"""The folder of what was built: whole files only, one build at a time, and nothing that is out of date."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from layers.build.platforms import Platform

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"


def folder_of(platform: Platform) -> Path:
    """Return the folder of what is built for a platform."""
    return BUILD / platform


@contextmanager
def exclusive(platform: Platform) -> Iterator[None]:
    """Let one process at a time build for a platform; the next one finds what the first has built."""
    folder = folder_of(platform)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file to write that gets its name only when it is whole, so that two builds cannot spoil each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def remove_older(current: Path, pattern: str) -> None:
    """Remove the files and folders beside the current one that match a pattern, but those that are being written."""
    for older in current.parent.glob(pattern):
        if older != current and "partial" not in older.name:
            if older.is_dir():
                shutil.rmtree(older)
            else:
                older.unlink()
