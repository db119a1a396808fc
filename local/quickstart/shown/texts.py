"""What the terminal says of CSV files and JSON lines: what was recognised of them, and what a run could say of them."""

import shlex
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from local.quickstart.here.recognised import Recognised
from local.quickstart.machine.terminal import console, notices
from voucher_selection.domain.text_formats import CsvOptions, Hint, Texts

OPTION = "--csv"
"""The option that says what CSV files have."""


def show_recognised(found: Recognised) -> None:
    """Print what will be recognised of a local source, before a run; nothing if it has no text files."""
    _show(found.texts, notices)
    if found.texts.formats and found.looked_at < found.files:
        notices.print(f"  Looked at the first {found.looked_at:,} of {found.files:,} files")


def show_texts(summary: Mapping[str, Any]) -> None:
    """Print what a run recognised of its text files; summaries of older versions do not say it."""
    _show(Texts.model_validate(summary.get("texts") or {}), console)


def _show(texts: Texts, where: Console) -> None:
    for found in texts.formats:
        where.print(f"  {found}", markup=False)
    for hint in texts.hints:
        where.print(f"  {in_terms_of_options(hint)}", markup=False, style="yellow")


def in_terms_of_options(hint: Hint) -> str:
    """Return a hint as a sentence that names options of the terminal instead of keys of a run's input."""
    return f"{hint.seen}: say {' or '.join(map(_as_words, hint.options))}"


def _as_words(options: CsvOptions) -> str:
    said = options.model_dump(exclude_none=True).items()
    return " ".join(f"{OPTION} {shlex.quote(f'{name}={value}')}" for name, value in said)
