"""Markdown for the reference: tables, and the text of docstrings."""

import ast
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


def field_texts(thing: type) -> dict[str, str]:
    """Return the text below each field of a class, in one line. A text is that of all fields since the text before."""
    texts: dict[str, str] = {}
    names: list[str] = []
    for node in ast.walk(ast.parse(inspect.getsource(thing))):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.append(name)
            case ast.Expr(value=ast.Constant(value=str(text))):
                texts |= dict.fromkeys(names, " ".join(text.split()))
                names.clear()
    return texts


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
