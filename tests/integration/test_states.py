"""Random sequences of runs of every kind: all that can be asked after each is as an independent model of it says."""

import json
import os
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from benchmarks.states import drawn
from benchmarks.states.drawn import Step
from benchmarks.states.sequence import Difference, Sequence, smallest
from tests.integration.moto_place import MotoPlace, empty_stores

LENGTH = 25
# More by hand: STATES=100..300 ./quickstart test tests/integration/test_states.py
FIRST, LAST = map(int, os.environ.get("STATES", "0..3").split(".."))


def performed(seed: int, steps: list[Step]) -> Counter[str]:
    """Do the steps on an empty deployment; return how its runs ended."""
    empty_stores()
    settings = drawn.settings(Random(f"settings {seed}"))
    with pytest.MonkeyPatch.context() as patch:
        sequence = Sequence(MotoPlace(settings, patch), settings, seed)
        for step in steps:
            sequence.perform(step)
    return Counter(sequence.ends)


def difference(seed: int, steps: list[Step]) -> str | None:
    try:
        performed(seed, steps)
    except Difference as found:
        return str(found)
    return None


@pytest.mark.usefixtures("aws")
def test_every_answer_is_that_of_the_model_after_every_sequence_of_runs(record_property: Callable[..., None]):
    ends: Counter[str] = Counter()
    for seed in range(FIRST, LAST + 1):
        steps = drawn.steps(Random(seed), LENGTH, begins=seed % 4 > 0)
        try:
            ends += performed(seed, steps)
        except Difference:
            steps = smallest(steps, lambda shorter, seed=seed: difference(seed, shorter) is not None)
            told = "\n".join(map(json.dumps, steps))
            pytest.fail(f"seed {seed}: {difference(seed, steps)}\nafter\n{told}", pytrace=False)

    assert ends["published"] > ends.total() / 5
    record_property("random sequences", f"{ends.total():,} runs: {dict(ends.most_common())}")
