"""What a function's process sees of the file system.

As root, where the kernel allows it, it has mounts of its own: its code at /var/task and its layers at /opt, read-only,
and a private /tmp. Otherwise its code is where the store has it, and TMPDIR leads to the private folder.
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

    from process_emulator.interpreter import Interpreter
    from process_emulator.layered_code import LayeredCode

LOG = logging.getLogger(__name__)

TASK_ROOT = Path("/var/task")
OPT = Path("/opt")
TMP = Path("/tmp")  # noqa: S108  (it is what functions write to)

# Standard input is a pipe that the emulator holds: when it ends, however the emulator ended, the whole group goes. The
# shell's background child waits for that; the process of the function takes the shell's own place. (No -- before the
# group: dash does not know it.)
_TIED = "exec 3<&0; (read -r _ <&3; kill -9 -$$) & "
_RUN = 'exec "$@" 3<&- </dev/null'
_PLAIN = f'{_TIED}cd "$1" || exit 1; shift; {_RUN}'
_MOUNTED = (
    f"{_TIED}set -e; code=$1; layers=$2; tmp=$3; shift 3; "
    f'mount --bind "$code" {TASK_ROOT}; mount -o remount,bind,ro {TASK_ROOT}; '
    f'if [ "$layers" ]; then mount --bind "$layers" {OPT}; mount -o remount,bind,ro {OPT}; fi; '
    f'while [ "$1" != -- ]; do mount --rbind "$1" "$tmp${{1#{TMP}}}"; shift; done; shift; '
    f'mount --rbind "$tmp" {TMP}; cd {TASK_ROOT}; {_RUN}'
)
SHELL = "/bin/sh"


@dataclass(frozen=True)
class Sandbox:
    """How to start a process of a function, and the paths as this process sees them; `layers_root` is AWS's /opt."""

    command: tuple[str, ...]
    task_root: Path
    layers_root: Path | None
    tmp: Path


def make_sandbox(
    code: LayeredCode, tmp: Path, interpreter: Interpreter, readable: Iterable[Path], isolation: Isolation
) -> Sandbox:
    """Return the sandbox of one environment; `command` takes the program and its arguments.

    `tmp` is the environment's private folder. `readable` are further files and folders of this machine that the
    function needs: those below /tmp, which the private folder hides, are mounted into it.
    """
    files, layers = code.own.files, code.layers.files if code.layers else None
    if isolation is Isolation.PLAIN or not can_mount():
        return Sandbox((SHELL, "-c", _PLAIN, "sh", str(files)), files, layers, tmp)
    needed = [*interpreter.folders, code.bytecode, *readable]
    # Layers at /opt would hide an interpreter or a state folder there: then they stay where the store has them.
    at_opt = layers is not None and OPT.is_dir() and not any(path.is_relative_to(OPT) for path in (*needed, tmp))
    if layers and not at_opt:
        needed.append(layers)
    kept = _outermost(path for path in needed if path.is_relative_to(TMP))
    for path in kept:
        mount_point = tmp / path.relative_to(TMP)
        if path.is_dir():
            mount_point.mkdir(parents=True, exist_ok=True)
        else:
            mount_point.parent.mkdir(parents=True, exist_ok=True)
            mount_point.touch()
    arguments = [str(files), str(layers) if at_opt else "", str(tmp), *map(str, kept), "--"]
    command = ("unshare", "--mount", SHELL, "-c", _MOUNTED, "sh", *arguments)
    return Sandbox(command, TASK_ROOT, OPT if at_opt else layers, TMP)


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
