"""What a release has: a template that needs neither the CDK nor its bootstrap, its archives, and what ships."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

import infra_cdk  # noqa: F401 - names the Node.js that aws_cdk starts

# isort: split
import aws_cdk as cdk
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from layers.build.packages import LAYERS_OF
from local.quickstart.machine.workspace import ROOT, Workspace
from local.quickstart.project import release
from local.quickstart.project.supply_chain import licences, sbom
from local.quickstart.project.supply_chain.locked import SHIPPED, packages
from tests.infrastructure.conftest import Synthesized
from voucher_selection.contract.version import VERSION


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_released_template_is_the_stages_with_paths_and_without_the_cdks_bootstrap(name: str, synthesize: Any):
    original = synthesize(name).json
    portable, used = release.with_paths(original)

    assert "hnb659fds" not in json.dumps(portable)
    assert "Bootstrap" not in json.dumps(portable)
    paths = {
        resource["Properties"][part]
        for resource in portable["Resources"].values()
        if (part := {"AWS::Lambda::Function": "Code", "AWS::Lambda::LayerVersion": "Content"}.get(resource["Type"]))
    }
    assert paths == {f"archives/{name}" for name in used}
    same = [name for name, found in original["Resources"].items() if portable["Resources"][name] == found]
    assert len(same) == len(original["Resources"]) - sum(
        resource["Type"] in ("AWS::Lambda::Function", "AWS::Lambda::LayerVersion")
        for resource in original["Resources"].values()
    )
    assert portable["Outputs"] == original["Outputs"]


def test_a_release_has_every_archive_that_its_template_names_and_is_the_same_each_time(
    dev: Synthesized, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assembly = Path(cdk.Stage.of(dev.stack).synth().directory)
    monkeypatch.setattr(release, "_synthesize", lambda *_: assembly)
    workspace = Workspace(tmp_path, 1)

    first = release.write_release(workspace, "dev", {}, tmp_path / "first")
    release.write_release(workspace, "dev", {}, tmp_path / "second")

    template = json.loads(first.read_text())
    assert first == tmp_path / "first/dev/template.json"
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            assert (first.parent / resource["Properties"]["Code"]).is_file()
    assert contents(tmp_path / "first") == contents(tmp_path / "second")
    assert len(contents(tmp_path / "first")) > len(LAYERS_OF)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_the_bill_of_materials_is_valid_and_the_same_each_time():
    text = sbom.text()

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert sbom.text() == text


def test_the_bill_of_materials_has_each_shipped_package_with_version_licence_and_digests():
    document = json.loads(sbom.text())

    libraries = {each["name"]: each for each in document["components"] if each["type"] == "library"}
    locked = {package.name: package for package in packages(SHIPPED)}
    assert libraries.keys() == {each.name for each in licences.shipped()} & locked.keys()
    for name, library in libraries.items():
        assert (library["version"], library["purl"]) == (
            locked[name].version,
            f"pkg:pypi/{name}@{locked[name].version}",
        )
        assert {each["value"] for each in library["properties"]} == {*locked[name].sha256}
        assert library["licenses"]
    depends = {each["ref"]: {*each.get("dependsOn", [])} for each in document["dependencies"]}
    assert depends["function/api"] == {"layer/shared"}
    assert depends["function/clean"] == {"layer/shared", "layer/analytics"}
    assert {"package/pandas", "package/pyarrow"} <= depends["layer/analytics"]
    assert depends["layer/shared"].isdisjoint(depends["layer/analytics"])


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    released = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]

    assert project["version"] == VERSION
    assert next(line for line in released if line != "## Unreleased").removeprefix("## ") == VERSION
    assert json.loads(sbom.text())["metadata"]["component"]["version"] == VERSION
