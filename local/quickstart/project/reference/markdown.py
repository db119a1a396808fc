"""Markdown for the reference: tables, and the text of docstrings."""

import inspect
import re
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a cell may contain line breaks and bars."""
    lines = [list(heads), ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def page(title: str, source: str, *parts: str) -> str:
    """Return a whole page, with a note on its source."""
    note = f"<!-- Made from {source} by ./quickstart docs --generate; changes here are lost. -->"
    return "\n\n".join([f"# {title}", note, *parts]) + "\n"


def docstring(thing: object) -> str:
    """Return the text of a docstring before its sections, as Markdown."""
    text = inspect.getdoc(thing) or ""
    return re.split(r"\n\n\w+\n-{3,}\n", text)[0]


def attributes(thing: object) -> dict[str, str]:
    """Return the text of a class's docstring for each attribute, in one line each."""
    text = inspect.getdoc(thing) or ""
    section = text.partition("\nAttributes\n----------\n")[2]
    found = re.findall(r"^(\w[\w, ]*)\n((?:    .+\n?)+)", section, re.MULTILINE)
    return {name: " ".join(said.split()) for names, said in found for name in names.split(", ")}


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
