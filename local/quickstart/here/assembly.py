"""The stack as it was synthesized last, which is used again while nothing that it was made from has changed."""

import hashlib
from pathlib import Path

_READ_BYTES = 2**20


def made_from(assembly: Path) -> str | None:
    """Return the fingerprint that the assembly was made from; None if it is missing, incomplete or changed."""
    fingerprint, _, content = _read(_stamp(assembly)).partition("\n")
    return fingerprint if content and content == _content(assembly) else None


def keep(assembly: Path, fingerprint: str) -> None:
    """Note what a complete assembly was made from."""
    _stamp(assembly).write_text(f"{fingerprint}\n{_content(assembly)}", encoding="utf-8")


def _content(assembly: Path) -> str:
    """Return a digest of the names and contents of its files."""
    digest = hashlib.sha256()
    for file in sorted(assembly.rglob("*")):
        if file.is_file():
            digest.update(f"\0{file.relative_to(assembly)}\0{file.stat().st_size}\0".encode())
            with file.open("rb") as opened:
                while part := opened.read(_READ_BYTES):
                    digest.update(part)
    return digest.hexdigest()


def _stamp(assembly: Path) -> Path:
    return assembly.with_name(f"{assembly.name}.made-from")


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
