"""cdk-nag's pack AwsSolutions finds nothing in any stage but what is acknowledged, and that is all still there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cdk_nag import AwsSolutionsChecks

from tests.infrastructure.conftest import ALL_GUARDS, STAGES

# isort: split
import aws_cdk as cdk

SECURITY = Path(__file__).resolve().parents[2] / "docs" / "security.md"


class Finding(NamedTuple):
    """A rule, and the construct that does not keep it."""

    rule: str
    path: str


class Note(NamedTuple):
    """What is acknowledged: on which construct, and why."""

    rule: str
    path: str
    reason: str

    def is_about(self, finding: Finding) -> bool:
        return finding.rule == self.rule and f"{finding.path}/".startswith(f"{self.path}/")


def findings(synthesized: Any) -> list[Finding]:
    report = AwsSolutionsChecks(synthesized.stack).validate_scope(synthesized.stack)
    return [
        Finding(violation.rule_name.removeprefix("AwsSolutions-"), _below_the_stack(resource.construct_path))
        for violation in report.violations
        for resource in violation.violating_resources
    ]


def _below_the_stack(path: str) -> str:
    return path.split("/", 1)[1]


@pytest.fixture(scope="module")
def noted(synthesize_anew: Any) -> Iterator[Any]:
    """Return a function that synthesizes a stage without its acknowledgements, and gives them beside the findings."""
    with pytest.MonkeyPatch.context() as patch:
        notes: list[Note] = []

        class Notebook:
            def __init__(self, construct: Any) -> None:
                self.path = _below_the_stack(construct.node.path)

            def acknowledge(self, *rules: cdk.Acknowledgment) -> None:
                notes.extend(Note(rule.id.removeprefix("AwsSolutions-"), self.path, rule.reason) for rule in rules)

        patch.setattr(cdk.Validations, "of", Notebook)

        def synthesized(name: str, **settings: Any) -> tuple[list[Note], list[Finding]]:
            notes.clear()
            found = findings(synthesize_anew(name, **settings))
            return [*notes], found

        yield synthesized


@pytest.fixture(scope="module")
def notes_of_stages(noted: Any) -> dict[str, tuple[list[Note], list[Finding]]]:
    return {name: noted(name) for name in STAGES}


def test_nothing_is_found_in_any_stage(each_stage):
    assert findings(each_stage) == []


def test_nothing_is_found_with_all_guards(guarded):
    assert findings(guarded) == []


@pytest.mark.parametrize("name", STAGES)
def test_without_acknowledgements_each_finding_has_one_and_each_one_its_finding(notes_of_stages, name):
    notes, found = notes_of_stages[name]

    assert found
    assert [finding for finding in found if not any(note.is_about(finding) for note in notes)] == []
    assert [note for note in notes if not any(note.is_about(finding) for finding in found)] == []


def test_with_all_guards_too_no_acknowledgement_is_left_over(noted):
    notes, found = noted("prod", **ALL_GUARDS)

    assert [note for note in notes if not any(note.is_about(finding) for finding in found)] == []


def test_no_acknowledgement_covers_the_stack_or_a_whole_concern(notes_of_stages):
    for notes, _ in notes_of_stages.values():
        assert all("/" in note.path for note in notes)


@pytest.mark.parametrize(
    ("name", "settings", "rule"),
    [
        ("dev", {"auth": "none"}, "APIG4"),
        ("prod", {"waf": False}, "APIG3"),
        ("dev", {"tracing": False}, "SF2"),
        ("dev", {"execution_logs": False}, "APIG1"),
    ],
)
def test_a_setting_that_opens_what_is_closed_by_default_is_found(synthesize, name, settings, rule):
    assert rule in {finding.rule for finding in findings(synthesize(name, **settings))}


def rows(notes_of_stages: dict[str, tuple[list[Note], list[Finding]]]) -> list[str]:
    """The table of acknowledgements: for each reason its rules, where, and in which stages."""
    by_reason: dict[str, list[tuple[str, str, str]]] = {}
    for stage, (notes, _) in notes_of_stages.items():
        for note in notes:
            place = (note.rule.partition("[")[0], note.path.partition("/")[0], stage)
            by_reason.setdefault(note.reason, []).append(place)
    table = []
    for reason, places in by_reason.items():
        rules, constructs, stages = ({place[column] for place in places} for column in range(3))
        where = [stage for stage in STAGES if stage in stages]
        cells = (", ".join(sorted(rules)), ", ".join(sorted(constructs)), ", ".join(where), reason)
        table.append(f"| {' | '.join(cells)} |")
    return sorted(table)


def test_the_page_on_security_lists_what_is_acknowledged_and_why(notes_of_stages):
    _, _, section = SECURITY.read_text().partition("## What cdk-nag finds")
    section, _, _ = section.partition("\n## ")

    listed = [line for line in section.splitlines() if line.startswith("| ") and "| rule" not in line]
    assert sorted(listed) == rows(notes_of_stages)
