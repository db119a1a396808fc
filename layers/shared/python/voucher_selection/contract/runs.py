"""The kinds of run, and the states that each passes in the state machine."""

from typing import NamedTuple

INGEST, CLEAN_SHARDS, ASSIGN_SHARDS, MODEL = STATES = ("Ingest", "CleanShards", "AssignShards", "Model")
"""The states that do the work of a run, in order. The machine's other states choose and record."""

MAPS = (CLEAN_SHARDS, ASSIGN_SHARDS)
"""The states that start one function for each shard."""


class RunKind(NamedTuple):
    """A kind of run: the `mode` that its input names, and the states that it passes in the state machine, in order."""

    mode: str
    states: tuple[str, ...]


RUN_KINDS = (
    RunKind("full", (INGEST, CLEAN_SHARDS, MODEL)),
    RunKind("append", (INGEST, CLEAN_SHARDS, MODEL)),
    RunKind("assign", (INGEST, ASSIGN_SHARDS, MODEL)),
    RunKind("remodel", (MODEL,)),
    RunKind("rollback", (MODEL,)),
    RunKind("approve", (MODEL,)),
)


def modes_through(state: str) -> set[str]:
    """Return the modes of the kinds of run that pass a state."""
    return {kind.mode for kind in RUN_KINDS if state in kind.states}
