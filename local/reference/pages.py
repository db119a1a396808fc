"""Which pages there are, and how they are written."""

from collections.abc import Callable, Mapping
from pathlib import Path

from local.quickstart.workspace import ROOT
from local.reference import commands, errors, runs, settings, storage

FOLDER = ROOT / "docs/reference"
PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands.page,
    "errors.md": errors.page,
    "runs.md": runs.page,
    "settings.md": settings.page,
    "storage.md": storage.page,
}
"""What makes the text of each page."""


def write_pages(folder: Path = FOLDER) -> None:
    """Write all pages anew."""
    folder.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")
