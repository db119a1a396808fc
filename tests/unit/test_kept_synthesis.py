"""When the stack is taken as it was synthesized before, and when it is synthesized again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from local.quickstart.here import deployment
from local.quickstart.machine import cdk
from local.quickstart.machine.steps import StepError
from local.quickstart.machine.workspace import Workspace
from local.quickstart.settings.asked import stage_with

STAGE = stage_with({}, "local")
TEMPLATE, CODE = "stack.template.json", "asset.zip"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace whose stack was synthesized, by something that takes no seconds."""

    def synthesize(assembly: Path, *_: object) -> None:
        assembly.mkdir(exist_ok=True)
        (assembly / TEMPLATE).write_text('{"Resources": {}}')
        (assembly / CODE).write_bytes(b"code" * 1000)

    monkeypatch.setattr(cdk, "synthesize", synthesize)
    made = Workspace(tmp_path, 4566)
    deployment.synthesize(made, STAGE, {})
    return made


def test_a_synthesis_is_kept_for_the_same_sources_settings_and_port(workspace: Workspace):
    assert deployment.is_synthesized(workspace, STAGE)
    assert not deployment.is_synthesized(workspace, stage_with({"auth": "api_key"}, "local"))
    assert not deployment.is_synthesized(Workspace(workspace.state, 4577), STAGE)


def test_a_workspace_without_a_synthesis_has_none(tmp_path: Path):
    assert not deployment.is_synthesized(Workspace(tmp_path, 4566), STAGE)


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / CODE).unlink(),
        lambda folder: (folder / CODE).write_bytes(b"code"),
        lambda folder: (folder / CODE).write_bytes(b"Code" + b"code" * 999),
        lambda folder: (folder / CODE).rename(folder / "other.zip"),
        lambda folder: (folder / "added.json").write_text("{}"),
    ],
    ids=["missing file", "short file", "changed file", "renamed file", "added file"],
)
def test_a_damaged_assembly_is_never_used(workspace: Workspace, damage: Callable[[Path], object]):
    damage(workspace.state / "cdk.out")

    assert not deployment.is_synthesized(workspace, STAGE)


def test_what_a_failed_synthesis_leaves_is_never_used(workspace: Workspace, monkeypatch: pytest.MonkeyPatch):
    def fails(assembly: Path, *_: object) -> None:
        (assembly / CODE).write_bytes(b"half of it")
        raise StepError("cdk synth failed")

    monkeypatch.setattr(cdk, "synthesize", fails)
    with pytest.raises(StepError):
        deployment.synthesize(workspace, STAGE, {})

    assert not deployment.is_synthesized(workspace, STAGE)


def test_sources_that_change_during_a_synthesis_are_synthesized_again(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = tmp_path / "source.py"
    source.write_text("before = True")
    monkeypatch.setattr(deployment, "ROOT", tmp_path)
    monkeypatch.setattr(deployment, "_SOURCES", ("source.py",))
    whole = cdk.synthesize

    def edited_meanwhile(assembly: Path, *_: object) -> None:
        whole(assembly, {}, tmp_path / "log", {})
        source.write_text("before = False")

    monkeypatch.setattr(cdk, "synthesize", edited_meanwhile)
    deployment.synthesize(workspace, STAGE, {})

    assert not deployment.is_synthesized(workspace, STAGE)
