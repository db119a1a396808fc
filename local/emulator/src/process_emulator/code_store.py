"""Unzipped functions and layers, kept by the SHA-256 of their zip: functions with the same code share one folder.

A folder in the store is complete: code is unzipped beside it and renamed. It outlives the emulator, and may be shared
by several; one that was not used for a week is removed when an emulator starts.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
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
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

LOG = logging.getLogger(__name__)

KEPT_SECONDS = 7 * 24 * 3600
_PARTIAL = ".partial-"


@dataclass(frozen=True)
class StoredCode:
    """The code of a function or of its layers: `files` as in the zip, and `bytecode` for what Python makes of them."""

    folder: Path

    @property
    def files(self) -> Path:
        """What was in the zip; never written to after it was unzipped."""
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

        def unzip(files: Path) -> None:
            with tempfile.TemporaryFile(dir=files.parent) as archive:
                download(archive)
                _extract(archive, files)

        return self._made(name, unzip)

    def laid(self, layers: Sequence[StoredCode]) -> StoredCode:
        """Return several layers as one folder: a file of a later layer takes the place of an earlier one's.

        The files are hard links, where the file system has them: layers that functions combine in different ways take
        their space once.
        """
        if len(layers) == 1:
            return layers[0]
        name = hashlib.sha256(" ".join(layer.folder.name for layer in layers).encode()).hexdigest()

        def lay(files: Path) -> None:
            files.mkdir()
            for layer in layers:
                _link(layer.files, files)

        return self._made(name, lay)

    def _made(self, name: str, make: Callable[[Path], None]) -> StoredCode:
        """Return the code of a name; `make` puts its files into a folder, if the store does not have it."""
        code = StoredCode(self._folder / name)
        with self._locks[name]:
            if not code.folder.exists():
                self._add(code, make)
        mark_used(code)
        return code

    def _add(self, code: StoredCode, make: Callable[[Path], None]) -> None:
        started = time.monotonic()
        partial = Path(tempfile.mkdtemp(prefix=f"{_PARTIAL}{code.folder.name[:12]}-", dir=self._folder))
        try:
            made = StoredCode(partial)
            made.bytecode.mkdir()
            make(made.files)
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


def _link(source: Path, target: Path) -> None:
    """Link all files of a folder into another, in the place of files that have the same name there."""
    for file, place in _files(source, target):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        try:
            os.link(file, place)
        except OSError:  # a file system without hard links
            shutil.copy2(file, place)


def _files(source: Path, target: Path) -> Iterator[tuple[Path, Path]]:
    for folder, _, names in source.walk():
        for name in names:
            yield folder / name, target / folder.relative_to(source) / name
