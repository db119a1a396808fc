"""The evidence of a proof: what was tried, what was expected, what came, and figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from local.quickstart.machine.terminal import notices

_LONGEST_SHOWN = 200


class Finding(NamedTuple):
    """One thing that was tried, in words."""

    part: str
    tried: str
    expected: str
    came: str
    is_right: bool


class Figures(NamedTuple):
    """A table of figures, with the words before it."""

    title: str
    words: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass
class Evidence:
    """What a proof has found so far; `notes` say what was not tried, or left, and why."""

    findings: list[Finding] = field(default_factory=list)
    figures: list[Figures] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def compare(self, part: str, tried: str, expected: object, came: object, *, says: str = "") -> bool:
        """Note whether what came is what was expected, and show it; `says` replaces the words of both if it is."""
        is_right = expected == came
        words = (says, says) if is_right and says else (_short(expected), _short(came))
        self.findings.append(Finding(part, tried, *words, is_right))
        mark = "[green]✓[/]" if is_right else "[red]✗[/]"
        notices.print(f"  {mark} ", end="")
        notices.print(f"{tried}: {words[1]}" + ("" if is_right else f", expected {words[0]}"), markup=False)
        return is_right

    def note(self, what: str) -> None:
        """Note something that is neither right nor wrong, and show it."""
        self.notes.append(what)
        notices.print(f"  - {what}", markup=False)

    def show(self, title: str, words: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table of figures."""
        self.figures.append(Figures(title, words, heads, rows))

    @property
    def wrong(self) -> list[Finding]:
        """What came otherwise than expected."""
        return [finding for finding in self.findings if not finding.is_right]


def _short(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]} …"
