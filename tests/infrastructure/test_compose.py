"""The compose file for engineers who have Docker."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

FILE = Path(__file__).resolve().parents[2] / "localstack-compose.yml"


@pytest.fixture(scope="module")
def service():
    return yaml.safe_load(FILE.read_text())["services"]["localstack"]


def test_the_file_is_a_compose_file():
    command = [str(Path(sys.executable).with_name("check-jsonschema")), "--builtin-schema", "vendor.compose-spec"]

    done = subprocess.run([*command, str(FILE)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_the_last_one_that_needs_no_account_unless_another_is_named(service):
    assert service["image"] == "${LOCALSTACK_IMAGE:-localstack/localstack:4.14.0}"
    assert service["environment"]["LOCALSTACK_AUTH_TOKEN"] == "${LOCALSTACK_AUTH_TOKEN:-}"


def test_only_this_machine_reaches_the_emulator(service):
    assert service["ports"] == ["127.0.0.1:${LOCALSTACK_PORT:-4566}:4566"]


def test_the_emulator_says_when_it_is_ready_and_is_not_restarted(service):
    assert "http://localhost:4566/_localstack/health" in service["healthcheck"]["test"]
    assert service["restart"] == "no"


def test_functions_get_containers_of_their_own(service):
    assert "/var/run/docker.sock:/var/run/docker.sock" in service["volumes"]
