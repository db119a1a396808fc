"""What the benchmark of engines measures: contenders, and their turns."""

from typing import NamedTuple


class Contender(NamedTuple):
    """A way to do a task (`count` or `write`), and the largest history it is tried with."""

    label: str
    module: str
    function: str
    task: str
    largest: int


class Measurement(NamedTuple):
    """One turn: seconds of the task, on the clock and of all cores, clock seconds of the process, and its memory."""

    contender: Contender
    times: int
    seconds: float
    cpu_seconds: float
    wall_seconds: float
    peak_mib: float
    digest: str
