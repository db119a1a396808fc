"""All orders in which programs can take their steps."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.concurrency.steps import Ended, Point, Program
from tests.concurrency.stores import Get, Next, Stored


class State(NamedTuple):
    """What is stored, and where each program is."""

    stored: Stored
    points: tuple[Point, ...]

    @property
    def under_way(self) -> list[int]:
        """Which programs have not ended, by their place."""
        return [place for place, point in enumerate(self.points) if not isinstance(point.next, Ended)]

    def step(self, place: int) -> "State":
        """Return the state after the next call of a program that is under way."""
        point = self.points[place]
        assert not isinstance(point.next, Ended), f"{point.program.name} has ended"
        stored, answer = self.stored.after(point.next)
        return State(stored, (*self.points[:place], point.answered(answer), *self.points[place + 1 :]))


class Step(NamedTuple):
    """A program's call: the states before and after it."""

    program: Program
    before: State
    after: State


def all_steps(stored: Stored, programs: Sequence[Program]) -> Iterator[Step]:
    """Yield every step of every order. States that are alike are gone on from once, however they were reached."""
    first = State(stored, tuple(program.first() for program in programs))
    waiting, known = [first], {first}
    while waiting:
        before = waiting.pop()
        for place in before.under_way:
            after = before.step(place)
            yield Step(programs[place], before, after)
            if after not in known:
                known.add(after)
                waiting.append(after)


def all_ends_beside(steps: Sequence[Step], program: Program) -> set[Ended]:
    """Return every way in which a program that only reads can end while others take these steps.

    It sees of them what is stored, so it is led along all contents that follow each other.
    """
    following = defaultdict(set)
    for step in steps:
        following[step.before.stored].add(step.after.stored)
    first = State(steps[0].before.stored, (program.first(),))
    waiting, known = [first], {first}
    while waiting:
        state = waiting.pop()
        assert isinstance(state.points[0].next, Ended | Get | Next), f"{program.name} does not only read"
        found = {State(stored, state.points) for stored in following[state.stored]}
        found |= {state.step(place) for place in state.under_way}
        waiting += found - known
        known |= found
    return {ended(state.points[0]) for state in known if not state.under_way}


def run_alone(stored: Stored, program: Program) -> tuple[Stored, Ended]:
    """Return what is stored after a program has run to its end, undisturbed, and how it ended."""
    state = State(stored, (program.first(),))
    while state.under_way:
        state = state.step(0)
    return state.stored, ended(state.points[0])


def ended(point: Point) -> Ended:
    """Return how a program has ended that is known to have."""
    assert isinstance(point.next, Ended)
    return point.next
