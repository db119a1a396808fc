"""Folders and files that only their owner can reach, whatever the umask is; they hold keys."""

import os
import stat
from pathlib import Path

from local.quickstart.machine.steps import StepError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private(folder: Path) -> None:
    """Make a folder that nobody else can enter, or close an existing one; `StepError` if others own or share it."""
    folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    found = folder.stat()
    is_ours = os.geteuid() in {0, found.st_uid}
    if is_ours and not found.st_mode & _OTHERS:
        return
    if not is_ours or found.st_mode & stat.S_ISVTX:
        raise StepError(f"the folder {folder} is shared with other users of this machine: name one of your own")
    folder.chmod(stat.S_IRWXU)


def write_private(file: Path, text: str) -> None:
    """Write a file with mode 0600 in one move; an existing file is replaced."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text)
    draft.replace(file)
