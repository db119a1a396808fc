"""Code in README and docs is code: JSON, TOML, YAML, Python and JavaScript can be read."""

import ast
import json
import re
import tomllib
from collections.abc import Callable

import duckdb
import pytest
import yaml

from benchmarks.contenders.offline_readers import run_node
from tests.docs.pages import PAGES, Code, blocks


def javascript(text: str) -> None:
    """Have Node read a module; raise `ValueError` if it cannot."""
    try:
        run_node("--check", "--input-type=module", "-", given=text)
    except RuntimeError as error:
        raise ValueError(str(error)) from error


READERS: dict[str, Callable[[str], object]] = {
    "javascript": javascript,
    "json": json.loads,
    "python": ast.parse,
    "sql": duckdb.extract_statements,
    "toml": tomllib.loads,
    "yaml": yaml.safe_load,
}
BLOCKS = [code for page in PAGES for code in blocks(page) if code.language in READERS]


def whole(code: Code) -> str:
    """Code without the dots that stand, in JSON, for what is left out between brackets or behind a comma."""
    return re.sub(r"(?<=[\[{])\s*…\s*(?=[\]}])|,\s*…", "", code.text) if code.language == "json" else code.text


@pytest.mark.parametrize("code", BLOCKS, ids=str)
def test_a_block_of_code_can_be_read_as_what_it_is(code: Code):
    READERS[code.language](whole(code))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("json", '{"a": 1,}'),
        ("python", "if x"),
        ("javascript", "if"),
        ("toml", "a = b"),
        ("sql", "SELECT FROM WHERE"),
        ("yaml", "a: b: c"),
    ],
)
def test_the_check_sees_code_that_cannot_be_read(language: str, text: str):
    with pytest.raises((ValueError, SyntaxError, yaml.YAMLError, duckdb.Error)):
        READERS[language](text)


def test_a_language_is_one_that_is_checked_or_known_not_to_be():
    named = {code.language for page in PAGES for code in blocks(page)}

    assert named <= {*READERS, "", "mermaid"}
