"""Zip files for Lambda: the same files give the same bytes."""

import py_compile
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_FAST = 1  # deflate level: 6 takes three times as long for 11 % less, and stored files take longer to deploy


@dataclass(frozen=True)
class Archive:
    """A zip file for Lambda, and the SHA-256 (hex) of its contents: equal digests mean equal behaviour."""

    path: Path
    digest: str

    @property
    def unzipped_bytes(self) -> int:
        """The sum of the files' sizes: what Lambda counts."""
        with zipfile.ZipFile(self.path) as archive:
            return sum(entry.file_size for entry in archive.infolist())


def write_folders(path: Path, prefix: str, folders: Sequence[Path]) -> None:
    """Write all files of some folders to a new zip file, under a prefix."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as target:
        for folder in folders:
            for file in sorted(p for p in folder.rglob("*") if p.is_file()):
                _append(target, prefix + file.relative_to(folder).as_posix(), file.read_bytes())


def append_code(path: Path, prefix: str, code: Mapping[str, Path]) -> None:
    """Append files, by their place under the prefix, to a zip file, and the bytecode of those of Python."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as target:
        for place, file in sorted(code.items()):
            _append(target, prefix + place, file.read_bytes())
            if file.suffix == ".py":
                folder, _, stem = place.removesuffix(".py").rpartition("/")
                cached = f"{folder}/__pycache__/{stem}.{sys.implementation.cache_tag}.pyc"
                _append(target, prefix + cached, _bytecode(file, place))


def _bytecode(file: Path, place: str) -> bytes:
    with tempfile.TemporaryDirectory() as work:
        compiled = Path(work) / "compiled.pyc"
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(file), str(compiled), dfile=place, doraise=True, invalidation_mode=mode)
        return compiled.read_bytes()


def _append(target: zipfile.ZipFile, place: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(place, date_time=_FIXED_TIME)
    entry.create_system = 3  # Unix, on every machine: file modes count
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    target.writestr(entry, content, compresslevel=_FAST)
