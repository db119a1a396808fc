"""Unzipped functions, kept by the SHA-256 of their zip: functions with the same code share one folder.

A folder in the store is complete: code is unzipped beside it and renamed. It outlives the emulator, and may be shared
by several; one that was not used for a week is removed when an emulator starts.
"""

from __future__ import annotations

import base64
import logging
import shutil
import tempfile
import threading
import time
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

LOG = logging.getLogger(__name__)

KEPT_SECONDS = 7 * 24 * 3600
_PARTIAL = ".partial-"


@dataclass(frozen=True)
class StoredCode:
    """One function's code: `files` as in its zip, and `bytecode` for what Python compiles from them."""

    folder: Path

    @property
    def files(self) -> Path:
        """The task root's contents; never written to after it was unzipped."""
        return self.folder / "files"

    @property
    def bytecode(self) -> Path:
        """Where the function's processes may keep the byte code of code that has none."""
        return self.folder / "bytecode"

    @cached_property
    def brings_bytecode(self) -> bool:
        """Whether the zip has byte code of its own, which Python would not look at beside a PYTHONPYCACHEPREFIX."""
        return next(self.files.rglob("__pycache__"), None) is not None


class CodeStore:
    """The store in one folder; safe for threads, and for several processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def get(self, sha256: str, download: Callable[[IO[bytes]], None]) -> StoredCode:
        """Return the code with the given SHA-256 (base64, as Lambda gives it).

        `download` writes the zip into a file; it is called only if the code is not in the store.
        """
        name = base64.b64decode(sha256).hex()
        code = StoredCode(self._folder / name)
        with self._locks[name]:
            if not code.folder.exists():
                self._unzip(code, download)
        mark_used(code)
        return code

    def _unzip(self, code: StoredCode, download: Callable[[IO[bytes]], None]) -> None:
        started = time.monotonic()
        partial = Path(tempfile.mkdtemp(prefix=f"{_PARTIAL}{code.folder.name[:12]}-", dir=self._folder))
        try:
            unzipped = StoredCode(partial)
            unzipped.bytecode.mkdir()
            with tempfile.TemporaryFile(dir=partial) as archive:
                download(archive)
                _extract(archive, unzipped.files)
            partial.chmod(0o755)
            partial.rename(code.folder)
        except OSError:
            if not code.folder.exists():  # else another emulator was faster, with the same files
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        LOG.info("Unzipped code %s in %.1f s", code.folder.name[:12], time.monotonic() - started)


def mark_used(code: StoredCode) -> None:
    """Keep the code for another week."""
    code.folder.touch()


def remove_unused_code(folder: Path) -> None:
    """Remove what was not used for a week, and what an emulator left half unzipped."""
    oldest = time.time() - KEPT_SECONDS
    for entry in folder.iterdir():
        if entry.is_dir() and entry.stat().st_mtime < oldest:
            shutil.rmtree(entry, ignore_errors=True)


def _extract(archive: IO[bytes], target: Path) -> None:
    with zipfile.ZipFile(archive) as contents:
        contents.extractall(target)  # refuses names that lead out of the target
        for entry in contents.infolist():
            if (entry.external_attr >> 16) & 0o111 and not entry.is_dir():
                (target / entry.filename).chmod(0o755)
