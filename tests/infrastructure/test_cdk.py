"""The CDK's command line: pinned with its hash to the one that reads what the library writes."""

import json
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "local" / "cdk"


def test_the_command_line_is_pinned_and_locked_with_its_hash():
    wanted = json.loads((FOLDER / "package.json").read_text())["devDependencies"]
    locked = json.loads((FOLDER / "package-lock.json").read_text())["packages"]["node_modules/aws-cdk"]

    assert wanted == {"aws-cdk": locked["version"]}
    assert locked["integrity"].startswith("sha512-")


def test_the_lock_names_no_registry_so_that_each_machine_uses_its_own():
    assert "://" not in (FOLDER / "package-lock.json").read_text()
    assert "omit-lockfile-registry-resolved=true" in (FOLDER / ".npmrc").read_text()


def test_the_library_is_the_one_whose_output_the_command_line_reads():
    # a newer library needs a newer command line: raise both together, and this
    assert version("aws-cdk-lib") == "2.275.0"
    assert json.loads((FOLDER / "package.json").read_text())["devDependencies"]["aws-cdk"] == "2.1148.1"
