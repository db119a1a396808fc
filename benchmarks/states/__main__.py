"""Random sequences of runs on the emulator, for as long as one likes: `./quickstart bench states --minutes 30`.

It compares every answer with an independent model, prints what differs with the shortest steps that lead there, and
ends with 1 if something differs.
"""

import argparse
import json
import sys
import time
from collections import Counter
from random import Random

from benchmarks.states import drawn
from benchmarks.states.drawn import Step
from benchmarks.states.emulator import Emulator, started
from benchmarks.states.models import Settings
from benchmarks.states.sequence import Difference, Sequence, smallest

_LENGTH = 30


def main() -> int:
    """Do sequences until the time is over; return the exit code."""
    parser = argparse.ArgumentParser(prog="./quickstart bench states", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5, help="for how long; default: 5")
    parser.add_argument("--seed", type=int, default=0, help="the first sequence, and the settings; default: 0")
    asked = parser.parse_args()
    settings = drawn.settings(Random(f"settings {asked.seed}"))
    ends: Counter[str] = Counter()
    with started(settings) as emulator:
        end, seed = time.monotonic() + 60 * asked.minutes, asked.seed
        while time.monotonic() < end:
            steps = drawn.steps(Random(seed), _LENGTH, begins=True)
            try:
                ends += _performed(emulator, settings, seed, steps)
            except Difference as found:
                print(f"seed {seed}: {found}\nLooking for the fewest steps …", flush=True)
                _show(emulator, settings, seed, steps)
                return 1
            seed += 1
            print(f"{seed - asked.seed} sequences, {ends.total():,} runs: no difference", flush=True)
    print(f"Runs by their end: {dict(ends.most_common())}")
    return 0


def _performed(emulator: Emulator, settings: Settings, seed: int, steps: list[Step]) -> Counter[str]:
    emulator.empty()
    sequence = Sequence(emulator, settings, seed)
    for step in steps:
        sequence.perform(step)
    return Counter(sequence.ends)


def _show(emulator: Emulator, settings: Settings, seed: int, steps: list[Step]) -> None:
    """Print the fewest steps that still differ, after those that make the first model."""

    def differs(tried: list[Step]) -> str | None:
        try:
            _performed(emulator, settings, seed, steps[:2] + tried)
        except Difference as found:
            return str(found)
        return None

    fewest = smallest(steps[2:], lambda tried: differs(tried) is not None)
    print(differs(fewest), "after", *map(json.dumps, steps[:2] + fewest), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
