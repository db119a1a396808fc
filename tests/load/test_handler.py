"""The API's handler under very many calls: every answer is right, and its memory does not grow."""

import json
import subprocess
import sys

import pytest

from tests.product import ROOT

CALLS = 50_000
# What would keep one small object per call, of 50 bytes and more, would take 2.5 MB. Without a leak it is under 1 MB.
MOST_GROWN_BYTES = 2_000_000


@pytest.fixture(scope="module")
def came() -> dict:
    """What came of the calls, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.load.handler_calls", str(CALLS)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_answer_is_right(came: dict, record_property):
    assert came["wrong"] == []
    assert sum(came["statuses"].values()) == CALLS
    assert set(came["statuses"]) == {"200", "304", "400", "404", "405", "415", "422"}
    of_kinds = sorted(came["kinds"].items(), key=lambda kind: -kind[1])
    statuses = ", ".join(f"{count:,} with {status}" for status, count in sorted(came["statuses"].items()))
    record_property(
        "load",
        f"{CALLS:,} calls of the handler of {len(of_kinds)} kinds in {came['seconds']:.0f} s: {statuses};"
        f" memory grew by {came['grown_bytes'] / 1000:,.0f} kB",
    )


def test_memory_does_not_grow_with_the_calls(came: dict):
    assert came["grown_bytes"] < MOST_GROWN_BYTES
