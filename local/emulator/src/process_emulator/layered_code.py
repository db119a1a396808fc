"""What a function runs: its own code, and the files of its layers."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from process_emulator.code_store import StoredCode


class CodeTooLargeError(Exception):
    """A function with its layers is larger than Lambda accepts; the message has its size."""


@dataclass(frozen=True)
class LayeredCode:
    """The code of one function; `layers` has the files of all its layers, or is None if it has none."""

    own: StoredCode
    layers: StoredCode | None = None

    @property
    def bytecode(self) -> Path:
        """Where the function's processes may keep the byte code of code that has none.

        With layers it is a folder of this function with these layers: the modules of other layers may have the same
        paths.
        """
        return self.layers.bytecode / self.own.folder.name if self.layers else self.own.bytecode

    @property
    def brings_bytecode(self) -> bool:
        """Whether a zip has byte code of its own, which Python would not look at beside a PYTHONPYCACHEPREFIX."""
        return self.own.brings_bytecode or (self.layers is not None and self.layers.brings_bytecode)


def check_size(parts: Iterable[StoredCode], limit: int) -> None:
    """Raise CodeTooLargeError if the zips of a function and of its layers have more bytes unzipped than the limit."""
    sizes = [_size(part.files) for part in parts]
    if sum(sizes) > limit:
        each = " + ".join(f"{size:,}" for size in sizes)
        raise CodeTooLargeError(
            f"expected at most {limit:,} bytes unzipped, found {sum(sizes):,} (the function and its layers: {each}): "
            "leave out files that it does not read"
        )


@functools.cache
def _size(files: Path) -> int:
    """Return the sum of the files' sizes; a folder of the store never changes."""
    return sum(file.stat().st_size for file in files.rglob("*") if file.is_file())
