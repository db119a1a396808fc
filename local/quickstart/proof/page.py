"""The page of a proof's evidence, in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from local.quickstart.proof.evidence import Evidence, Finding


class Facts(NamedTuple):
    """Where and when a proof ran: the command, the commit, the target, the settings, and how long it took."""

    command: str
    commit: str
    stage: str
    stack: str
    where: str
    started_at: datetime
    minutes: float
    settings: Mapping[str, str]


def page_of(facts: Facts, evidence: Evidence) -> str:
    """Return the page."""
    right = len(evidence.findings) - len(evidence.wrong)
    parts = [
        f"# Evidence: {facts.stage}, {facts.started_at:%Y-%m-%d}",
        f"    {facts.command}",
        f"deployed the stack `{facts.stack}` to {facts.where}, from commit {facts.commit}, at"
        f" {facts.started_at:%H:%M} UTC; asked it, and deleted it: {facts.minutes:.1f} minutes in all.",
        f"**{right} of {len(evidence.findings)} checks passed.**",
        _settings(facts.settings),
    ]
    if evidence.wrong:
        parts += ["## What is wrong", _findings(evidence.wrong)]
    if evidence.notes:
        parts += ["## Notes", "\n".join(f"- {note}" for note in evidence.notes)]
    for figures in evidence.figures:
        parts += [f"## {figures.title}", figures.words, _table(figures.heads, figures.rows)]
    for part, findings in groupby(evidence.findings, key=lambda finding: finding.part):
        parts += [f"## Checks: {part}", _findings(findings)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _settings(settings: Mapping[str, str]) -> str:
    given = ", ".join(f"`{name}={value}`" for name, value in settings.items())
    return f"Settings that differ from the stage's defaults: {given}." if given else ""


def _findings(findings: Iterable[Finding]) -> str:
    rows = [
        [
            "✓" if each.is_right else "✗",
            each.tried,
            each.came if each.is_right else f"{each.came}; expected {each.expected}",
        ]
        for each in findings
    ]
    return _table(["", "tried", "came"], rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(heads), ["---"] * len(heads), *(list(map(_cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
