"""What a function's process sees of the file system.

As root, where the kernel allows it, it has mounts of its own: its code at /var/task, read-only, and a private /tmp.
Otherwise its code is where the store has it, and TMPDIR leads to the private folder.
"""

from __future__ import annotations

import functools
import logging
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from process_emulator.settings import Isolation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from process_emulator.code_store import StoredCode
    from process_emulator.interpreter import Interpreter

LOG = logging.getLogger(__name__)

TASK_ROOT = Path("/var/task")
TMP = Path("/tmp")  # noqa: S108  (it is what functions write to)

# Standard input is a pipe that the emulator holds: when it ends, however the emulator ended, the whole group goes. The
# shell's background child waits for that; the process of the function takes the shell's own place. (No -- before the
# group: dash does not know it.)
_TIED = "exec 3<&0; (read -r _ <&3; kill -9 -$$) & "
_RUN = 'exec "$@" 3<&- </dev/null'
_PLAIN = f'{_TIED}cd "$1" || exit 1; shift; {_RUN}'
_MOUNTED = (
    f"{_TIED}set -e; code=$1; tmp=$2; shift 2; "
    f'mount --bind "$code" {TASK_ROOT}; mount -o remount,bind,ro {TASK_ROOT}; '
    f'while [ "$1" != -- ]; do mount --rbind "$1" "$tmp${{1#{TMP}}}"; shift; done; shift; '
    f'mount --rbind "$tmp" {TMP}; cd {TASK_ROOT}; {_RUN}'
)
SHELL = "/bin/sh"


@dataclass(frozen=True)
class Sandbox:
    """How to start a process of a function, and the paths as this process sees them."""

    command: tuple[str, ...]
    task_root: Path
    tmp: Path


def make_sandbox(
    code: StoredCode, tmp: Path, interpreter: Interpreter, readable: Iterable[Path], isolation: Isolation
) -> Sandbox:
    """Return the sandbox of one environment; `command` takes the program and its arguments.

    `tmp` is the environment's private folder. `readable` are further files and folders of this machine that the
    function needs: those below /tmp, which the private folder hides, are mounted into it.
    """
    if isolation is Isolation.PLAIN or not can_mount():
        return Sandbox((SHELL, "-c", _PLAIN, "sh", str(code.files)), code.files, tmp)
    kept = _outermost(path for path in (*interpreter.folders, code.bytecode, *readable) if path.is_relative_to(TMP))
    for path in kept:
        mount_point = tmp / path.relative_to(TMP)
        if path.is_dir():
            mount_point.mkdir(parents=True, exist_ok=True)
        else:
            mount_point.parent.mkdir(parents=True, exist_ok=True)
            mount_point.touch()
    arguments = [str(code.files), str(tmp), *map(str, kept), "--"]
    return Sandbox(("unshare", "--mount", SHELL, "-c", _MOUNTED, "sh", *arguments), TASK_ROOT, TMP)


@functools.cache
def can_mount() -> bool:
    """Try whether a process of this one may have mounts of its own; needs root, and is refused in most containers."""
    if os.geteuid() != 0:
        return False
    try:
        TASK_ROOT.mkdir(parents=True, exist_ok=True)
        trial = f"mount --bind {TASK_ROOT} {TMP} && mount -o remount,bind,ro {TMP}"
        command = ["unshare", "--mount", SHELL, "-c", trial]
        subprocess.run(command, check=True, capture_output=True, timeout=10)
    except (OSError, subprocess.SubprocessError) as error:
        LOG.info("Functions run without mounts of their own: %s", error)
        return False
    return True


def _outermost(paths: Iterable[Path]) -> list[Path]:
    existing = sorted({path for path in paths if path.exists()})
    return [path for path in existing if not any(parent in existing for parent in path.parents)]
