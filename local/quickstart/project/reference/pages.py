"""The generated pages, and the one way to write them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from local.quickstart.machine.workspace import ROOT
from local.quickstart.project.data_contract import document, lines
from local.quickstart.project.reference import commands, errors, events, inbox, runs, settings, storage
from local.quickstart.project.supply_chain import licences
from voucher_selection.api import openapi
from voucher_selection.contract.events import EVENTS
from voucher_selection.domain.data_contract import CONTRACT, LINES

DOCS = ROOT / "docs"
FOLDER = DOCS / "reference"
SCHEMAS = DOCS / "events"


def pages(parser: Any) -> dict[Path, Callable[[], str]]:  # noqa: ANN401 - Typer's own Click has no types
    """Return what makes the text of each generated page, by the page's file.

    Parameters
    ----------
    parser
        The quickstart's: a group of commands. It is handed in, for one of its commands writes these pages.
    """
    return {
        DOCS / "licences.md": licences.page,
        DOCS / "openapi.json": partial(openapi.as_text, "api_key"),
        FOLDER / "commands.md": partial(commands.page, parser),
        FOLDER / "errors.md": errors.page,
        FOLDER / "inbox-result.json": inbox.schema,
        FOLDER / "runs.md": runs.page,
        FOLDER / "settings.md": settings.page,
        FOLDER / "storage.md": storage.page,
        ROOT / CONTRACT: document.text,
        LINES: lambda: lines.text(document.text()),
        **{SCHEMAS / f"{event.name}.json": partial(events.schema, event) for event in EVENTS},
    }


def write_pages(parser: Any) -> None:  # noqa: ANN401 - see above
    """Write all generated pages; the parser is the quickstart's."""
    for file, text in pages(parser).items():
        file.parent.mkdir(exist_ok=True)
        file.write_text(text(), encoding="utf-8")
