"""Each stage's template as it was reviewed: a change of what is deployed is a change of these files.

Write them again with `./quickstart test tests/infrastructure/test_snapshots.py --update-snapshots`.
"""

import difflib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infrastructure.conftest import Synthesized, plain

FOLDER = Path(__file__).parent / "snapshots"
# What changes with every change of code, and says nothing of the deployment.
NOISE = {
    r"\b[0-9a-f]{64}\b": "<asset>",
    # a deployment's or a version's logical id ends with a digest of what it was made from
    r"\b(\w+Deployment|\w+CurrentVersion)(?!Stage)[0-9A-Fa-f]{8}[0-9a-f]{32}\b": r"\1<digest>",
}


class Folded(yaml.SafeDumper):
    """YAML without anchors: what occurs twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's
        return True


def readable(synthesized: Synthesized) -> str:
    """A template as YAML in a fixed order, its state machine's definition as a document, without noise."""
    template = {name: part for name, part in synthesized.json.items() if name not in {"Parameters", "Rules"}}
    template["Resources"] = {name: _resource(found) for name, found in template["Resources"].items()}
    template["Stack"] = {
        "Tags": synthesized.stack.tags.tag_values(),
        "TerminationProtection": bool(synthesized.stack.termination_protection),
    }
    text = yaml.dump(template, Dumper=Folded, sort_keys=True, width=120, allow_unicode=True)
    for pattern, replacement in NOISE.items():
        text = re.sub(pattern, replacement, text)
    if synthesized.stage.wheels == "host":
        text = re.sub(r"\b(arm64|x86_64)\b", "<this machine's>", text)
    return text


def _resource(resource: dict[str, Any]) -> dict[str, Any]:
    found = {name: part for name, part in resource.items() if name != "Metadata"}
    if found["Type"] == "AWS::StepFunctions::StateMachine":
        definition = json.loads(plain(found["Properties"]["DefinitionString"]))
        found["Properties"] = found["Properties"] | {"DefinitionString": definition}
    return found


def test_the_template_is_the_reviewed_one(each_stage: Synthesized, request: pytest.FixtureRequest):
    file = FOLDER / f"{each_stage.stage.name}.yaml"
    template = readable(each_stage)
    if request.config.getoption("--update-snapshots"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(template)

    reviewed = file.read_text().splitlines()
    changes = list(difflib.unified_diff(reviewed, template.splitlines(), "reviewed", "synthesized", lineterm=""))
    assert not changes, "\n".join(["if these are meant, write the file again: --update-snapshots", *changes])


def test_a_setting_that_changes_is_a_line_that_changes(synthesize: Any, dev: Synthesized):
    changed = readable(synthesize("dev", clean_memory_mb=2048))

    changes = [line for line in difflib.ndiff(readable(dev).splitlines(), changed.splitlines()) if line[0] in "+-"]
    settings = [change for change in changes if "clean_memory_mb" in change or "Value: " in change]
    assert [change for change in changes if change not in settings] == [
        "-       MemorySize: 1792",
        "+       MemorySize: 2048",
    ]
    assert '+     Value: \'{"clean_memory_mb":"2048"}\'' in settings


def test_no_digest_of_code_is_in_a_snapshot():
    for file in FOLDER.iterdir():
        assert re.search(r"[0-9a-f]{32}", file.read_text()) is None
