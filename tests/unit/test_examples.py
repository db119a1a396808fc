"""The examples in docstrings are right."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import voucher_selection

PACKAGE = Path(voucher_selection.__file__).parent
WITH_EXAMPLES = [file for file in sorted(PACKAGE.rglob("*.py")) if "\n    >>> " in file.read_text(encoding="utf-8")]


@pytest.mark.parametrize("file", WITH_EXAMPLES, ids=lambda file: file.stem)
def test_the_examples_of_a_module_give_what_they_say(file: Path):
    module = import_module(".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts))

    results = doctest.testmod(module)

    assert results.attempted
    assert not results.failed
