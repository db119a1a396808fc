"""Code that takes one step at a time: it stops at every call of a service, and goes on when it is answered.

There are no threads. A program is run anew for each of its steps, told what it was answered before, up to the first
call that has no answer yet. So what a program does next follows from its answers alone, and where several programs
are is a value: it can be kept, compared, and gone on from in another order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.concurrency.stores import Answer, Operation
from voucher_selection.domain.errors import VoucherSelectionError

type Ask = Callable[[Operation], Answer]


class Ended(NamedTuple):
    """How a program ended: what it returned, or the error of ours that it raised."""

    result: Any
    error: VoucherSelectionError | None = None


class _Waiting(BaseException):
    """A call has no answer yet. Not an Exception: no program handles it."""


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
        return Point(self, ())


@dataclass(frozen=True, eq=False)
class Point:
    """Where a program is: `next` is its next call, or how it has ended. There is one point for the same answers."""

    program: Program
    answers: tuple[Answer, ...]
    next: Operation | Ended = field(init=False)
    _following: dict[Answer, "Point"] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "next", self._next())

    def answered(self, answer: Answer) -> "Point":
        """Return where the program is when its call was answered this."""
        if answer not in self._following:
            self._following[answer] = Point(self.program, (*self.answers, answer))
        return self._following[answer]

    def _next(self) -> Operation | Ended:
        left, calls = list(reversed(self.answers)), []

        def ask(operation: Operation) -> Answer:
            if left:
                return left.pop()
            calls.append(operation)  # and after it, what the program would do to end orderly
            raise _Waiting

        try:
            return Ended(self.program.run(ask))
        except _Waiting:
            return calls[0]
        except VoucherSelectionError as error:
            return Ended(None, error)
