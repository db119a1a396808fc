"""Code that takes one step at a time: it stops at every call of a service, and goes on when it is answered.

There are no threads. A program stands at a call in a greenlet of its own, and goes on from there when it is answered.
Who answers a call in another way as well has the program run anew, told what it was answered before. So what a program
does next follows from its answers alone, and where several programs are is a value: it can be kept, compared, and gone
on from in another order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from greenlet import GreenletExit, getcurrent, greenlet

from tests.concurrency.stores import Answer, Operation
from voucher_selection.domain.errors import VoucherSelectionError

type Ask = Callable[[Operation], Answer]


class Ended(NamedTuple):
    """How a program ended: what it returned, or the error of ours that it raised."""

    result: Any
    error: VoucherSelectionError | None = None


@dataclass(frozen=True, eq=False)
class Program:
    """Something that asks services; with the same answers it must do the same.

    Parameters
    ----------
    run
        Takes what puts its calls, and does them one after the other.
    """

    name: str
    run: Callable[[Ask], Any]

    def first(self) -> "Point":
        return _after(self, ())


@dataclass(frozen=True, eq=False)
class Point:
    """Where a program is: `next` is its next call, or how it has ended. There is one point for the same answers."""

    program: Program
    answers: tuple[Answer, ...]
    next: Operation | Ended
    # The run that stands at the call, until it has been answered.
    _standing: "list[_Run]"
    _following: "dict[Answer, Point]" = field(default_factory=dict, init=False)

    def answered(self, answer: Answer) -> "Point":
        """Return where the program is when its call was answered this."""
        if answer not in self._following:
            answers = (*self.answers, answer)
            if self._standing:
                run = self._standing.pop()
                self._following[answer] = Point(self.program, answers, run.answered(answer), [run])
            else:
                self._following[answer] = _after(self.program, answers)
        return self._following[answer]


def _after(program: Program, answers: tuple[Answer, ...]) -> Point:
    """Return where a program is that is run anew and answered this."""
    run = _Run(program)
    following = run.begun()
    for answer in answers:
        following = run.answered(answer)
    return Point(program, answers, following, [run])


class _Run:
    """A run of a program, which waits for the answer to its call."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._greenlet = greenlet(self._ended)
        self._is_left = False

    def begun(self) -> Operation | Ended:
        """Return the first call, or how the program has ended."""
        following: Operation | Ended = self._greenlet.switch()
        return following

    def answered(self, answer: Answer) -> Operation | Ended:
        """Return the next call after this answer, or how the program has ended."""
        following: Operation | Ended = self._greenlet.switch(answer)
        return following

    def _ended(self) -> Ended:
        try:
            return Ended(self._program.run(self._ask))
        except VoucherSelectionError as error:
            return Ended(None, error)

    def _ask(self, operation: Operation) -> Answer:
        if self._is_left:  # by all who could answer: what the program does to end orderly is no call
            raise GreenletExit
        try:
            answer: Answer = getcurrent().parent.switch(operation)
        except GreenletExit:
            self._is_left = True
            raise
        return answer
