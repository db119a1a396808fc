"""Inputs of runs that README and docs show are ones that a run takes."""

import json
import re
from typing import Any

import pytest

from tests.docs.pages import PAGES, Code, blocks, spans
from voucher_selection.domain.errors import InvalidRequest
from voucher_selection.domain.kinds import KINDS, parse_request
from voucher_selection.domain.segments import shipped_definitions

# What a whole value stands for where the page has dots.
_LEFT_OUT = {"source": "s3://bucket/key", "run_id": "run-1", "version": "v"}
_OF_EVENTS = {"detail-type", "stack"}
_INPUT = re.compile(r"--input\s+'([^']+)'")


def read(text: str) -> dict[str, Any] | None:
    """The input of a run that a text is; None if it is something else."""
    segments = json.dumps(shipped_definitions().model_dump(mode="json")["segmentations"])
    text = text.replace('"segmentations": […]', f'"segmentations": {segments}').replace("<BucketName>", "bucket")
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict) or not ({"mode", "source"} & found.keys()) or _OF_EVENTS & found.keys():
        return None
    return {name: _LEFT_OUT[name] if value == "…" else value for name, value in found.items()}


def inputs_in(code: Code) -> list[dict[str, Any]]:
    """The inputs of runs that a piece of code has."""
    return [found for text in (code.text, *_INPUT.findall(code.text)) if (found := read(text))]


INPUTS = [
    pytest.param(found, id=f"{code.page.stem}: {json.dumps(found)[:70]}")
    for page in PAGES
    for code in (*blocks(page), *spans(page))
    for found in inputs_in(code)
]


@pytest.mark.parametrize("request_", INPUTS)
def test_an_input_is_one_that_a_run_takes(request_: dict[str, Any]):
    parse_request(request_)


def test_the_inputs_are_of_every_mode():
    modes = {found.values[0].get("mode", "full") for found in INPUTS}

    assert modes == KINDS.keys()


def test_the_check_sees_a_key_that_there_is_not():
    with pytest.raises(InvalidRequest, match="sources"):
        parse_request(read('{"mode": "append", "sources": "s3://bucket/key"}'))
