"""Markdown as the reference is written in: tables, and text of docstrings."""

import inspect
import re
from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; a line break or a bar in a cell does not end it."""
    lines = [list(heads), ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def page(title: str, source: str, *parts: str) -> str:
    """Return a whole page, which says what it is made from."""
    note = f"<!-- Made from {source} by ./quickstart docs --generate; changes here are lost. -->"
    return "\n\n".join([f"# {title}", note, *parts]) + "\n"


def docstring(thing: object) -> str:
    """Return what a docstring says before its sections."""
    text = inspect.getdoc(thing) or ""
    return re.split(r"\n\n\w+\n-{3,}\n", text)[0]


def attributes(thing: object) -> dict[str, str]:
    """Return what a class's docstring says of each attribute, in one line each."""
    text = inspect.getdoc(thing) or ""
    section = text.partition("\nAttributes\n----------\n")[2]
    found = re.findall(r"^(\w[\w, ]*)\n((?:    .+\n?)+)", section, re.MULTILINE)
    return {name: " ".join(said.split()) for names, said in found for name in names.split(", ")}


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
