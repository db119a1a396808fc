"""The page on security says what is: the settings with their defaults, and tests and modules that there are."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from infra_cdk.settings_record import as_given
from infra_cdk.stages import Stage, stage
from tests.infrastructure.conftest import ALL_GUARDS, STAGES

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("source_hosts", "source_private_addresses", "source_max_bytes")
PAGE = (ROOT / "docs" / "security.md").read_text()


def settings() -> dict[str, list[str]]:
    """The defaults of each setting in the page's table, by stage."""
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|([^|]*)\|", PAGE, re.MULTILINE)
    return {name: [cell.strip(" `") for cell in cells] for name, *cells in rows}


@pytest.mark.parametrize("setting", settings())
def test_the_table_has_the_defaults_of_the_stages(setting):
    assert settings()[setting] == [as_given(getattr(stage(name), setting)) for name in STAGES]


def test_the_table_has_every_setting_that_guards_a_stage():
    assert settings().keys() >= ALL_GUARDS.keys() | {"quota_per_day", "waf_rate_limit", *SOURCES}
    assert settings().keys() <= {field.name for field in fields(Stage)}


def test_every_test_that_is_named_is_there():
    folders = (ROOT / "tests", ROOT / "local/emulator/tests")
    there = "\n".join(file.read_text() for folder in folders for file in folder.rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", PAGE)

    assert len(named) > 15
    assert [name for name in named if f"def {name}(" not in there] == []


def test_every_module_that_is_named_is_there():
    there = {
        file.as_posix()
        for folder in ("infra_cdk", "lambdas", "layers", "local", "tests")
        for file in (ROOT / folder).rglob("*.py")
    }
    named = re.findall(r"`([\w/]+\.py)`", PAGE)

    assert len(named) > 10
    assert [name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in there)] == []
