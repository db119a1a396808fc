"""What the documentation says of the code is what the code says."""

import re
from pathlib import Path

import pytest
import typer

from infra_cdk.context import stage_from_context
from infra_cdk.stages import SETTINGS, stage
from local.quickstart.cli import app
from local.quickstart.project.reference.pages import FOLDER, pages
from tests.docs.pages import ROOT
from voucher_selection.adapters.answer_sizes import LARGEST_ANSWER, LARGEST_QUALITY
from voucher_selection.adapters.item_sizes import LARGEST_ITEM
from voucher_selection.adapters.servable import MOST_SEGMENTS as MOST_SERVED
from voucher_selection.api.bulk_lookups import MOST_CUSTOMERS
from voucher_selection.api.run_reports import MOST_RUNS
from voucher_selection.contract.limits import MOST_CHARACTERS_OF_FILES, MOST_COUNTRIES, MOST_FILES
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.formats import MOST_DIGITS
from voucher_selection.domain.kinds import KINDS
from voucher_selection.domain.requests import LONGEST_REQUEST
from voucher_selection.domain.segments import MOST_SEGMENTATIONS, MOST_SEGMENTS
from voucher_selection.domain.shards import LARGEST_SHARD, MOST_PARTS

# Limits of the code, in the words of the one page that states each.
LIMITS = {
    "api.md": [f"has 1 to {MOST_CUSTOMERS:,} bodies", f"the last {MOST_RUNS} runs", f"{LARGEST_QUALITY:,} bytes"],
    "explanation/limits.md": [
        *(f"{MOST_COUNTRIES} countries", f"{LONGEST_REQUEST:,} characters", f"{MOST_SERVED:,} countries x segments"),
        *(f"{LARGEST_ITEM:,} bytes of an item", f"{LARGEST_ITEM:,} bytes of names"),
        *(f"{LARGEST_ANSWER:,} bytes of `POST /what_if`", f"{MOST_FILES} files, {MOST_CHARACTERS_OF_FILES:,} char"),
    ],
    "pipeline.md": [
        *(f"{MOST_SEGMENTATIONS} segmentations with {MOST_SEGMENTS:,} segments", f"at most {MOST_DIGITS} before"),
        f"{MOST_PARTS} files, and {LARGEST_SHARD:,} bytes of the manifest",
    ],
}

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

    for mode in KINDS:
        assert f"\n## {mode}\n" in page


def test_the_page_of_the_pipeline_tells_every_rule_in_the_order_they_are_tried():
    told = (ROOT / "docs/pipeline.md").read_text().partition("## Cleaning")[2].partition("## ")[0]

    assert re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE) == list(Rule)


@pytest.mark.parametrize("page", LIMITS)
def test_a_page_states_the_limits_of_the_code(page: str):
    text = (ROOT / "docs" / page).read_text()

    assert [limit for limit in LIMITS[page] if limit not in text] == []
