"""The pages of the documentation, and what is code in them."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCED = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?<=\n\n)(?: {4,}\S.*\n)+")
_INLINE = re.compile(r"`([^`\n]+)`")


class Code(NamedTuple):
    """A piece of code of a page; `language` is empty where the page names none."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}: {' '.join(self.text.split())[:60]}"


def name_of(page: Path) -> str:
    """Return a page as it is named in a report."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Code]:
    """Yield a page's blocks of code, those between fences and those that are indented."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCED.finditer(text):
        yield Code(page, found["language"], textwrap.dedent(found["code"]))
    for lines in _INDENTED.findall(_FENCED.sub("", text)):
        yield Code(page, "", textwrap.dedent(lines))


def spans(page: Path) -> Iterator[Code]:
    """Yield a page's code within lines."""
    prose = _FENCED.sub("", page.read_text(encoding="utf-8"))
    for text in _INLINE.findall(prose):
        yield Code(page, "", text)


def prose_of(page: Path) -> str:
    """Return a page without its code, where what looks like a link is none."""
    return _INLINE.sub("``", _FENCED.sub("", page.read_text(encoding="utf-8")))
