"""What the documentation says of the code is what the code says."""

import re
import typing
from pathlib import Path

import pytest
import typer

from infra_cdk.context import stage_from_context
from infra_cdk.stages import SETTINGS, stage
from local.quickstart.cli import app
from local.quickstart.project.reference.pages import FOLDER, pages
from tests.docs.pages import ROOT
from voucher_selection.domain.rejections import Rule
from voucher_selection.domain.requests import RunRequest

GENERATED = pages(typer.main.get_command(app))


@pytest.mark.parametrize("file", GENERATED, ids=lambda file: file.name)
def test_a_page_made_from_the_code_is_current(file: Path):
    assert file.read_text() == GENERATED[file](), f"{file}: run ./quickstart docs --generate"


def test_the_reference_has_no_other_pages():
    assert set(FOLDER.iterdir()) <= GENERATED.keys()


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_the_defaults_of_a_stage_are_written_as_the_command_line_takes_them(name: str):
    page = (FOLDER / "settings.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \|.*\|([^|]*)\|([^|]*)\|([^|]*)\|$", page, re.MULTILINE)
    given = {setting: cells[["local", "dev", "prod"].index(name)].strip(" `") for setting, *cells in rows}

    assert len(given) == len(SETTINGS)
    assert stage_from_context({"stage": name, **given}) == stage(name)


def test_a_section_tells_the_input_of_every_mode():
    page = (FOLDER / "runs.md").read_text()

    for mode in typing.get_args(RunRequest.__value__):
        assert f"\n## {mode.model_json_schema()['properties']['mode']['const']}\n" in page


def test_the_page_of_the_pipeline_tells_every_rule_in_the_order_they_are_tried():
    told = (ROOT / "docs/pipeline.md").read_text().partition("## Cleaning")[2].partition("## ")[0]

    assert re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE) == list(Rule)
