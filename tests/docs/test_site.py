"""The site is made of locked packages, and loads nothing from elsewhere by its configuration."""

import json
import re

from tests.docs.pages import ROOT

FOLDER = ROOT / "local/docs"
CONFIGURATION = (ROOT / "mkdocs.yml").read_text()


def test_what_draws_the_diagrams_is_pinned_and_locked_with_its_hash_and_names_no_registry():
    lock = (FOLDER / "package-lock.json").read_text()
    locked = json.loads(lock)["packages"]["node_modules/@mermaid-js/tiny"]

    assert json.loads((FOLDER / "package.json").read_text())["devDependencies"] == {
        "@mermaid-js/tiny": locked["version"]
    }
    assert locked["integrity"].startswith("sha512-")
    assert "://" not in lock


def test_the_theme_fetches_no_fonts_and_the_configuration_names_no_address():
    assert re.search(r"^  font: false$", CONFIGURATION, re.MULTILINE)
    assert "://" not in CONFIGURATION


def test_every_diagram_is_of_a_kind_that_the_small_mermaid_draws():
    kinds = {
        kind
        for page in (ROOT / "docs").rglob("*.md")
        for kind in re.findall(r"^```mermaid\n(\w+)", page.read_text(), re.MULTILINE)
    }

    assert kinds <= {"flowchart", "sequenceDiagram", "stateDiagram"}
