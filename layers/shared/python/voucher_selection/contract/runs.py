"""The kinds of run, and the states that each passes in the state machine."""

from typing import Literal, NamedTuple

type Overlap = Literal["refuse", "add", "replace"]
"""What an append does if some of its days are counted already."""

INGEST, CLEAN_SHARDS, ASSIGN_SHARDS, MERGE_SHARDS, MODEL = STATES = (
    *("Ingest", "CleanShards", "AssignShards"),
    *("MergeShards", "Model"),
)
"""The states that do the work of a run, in order. The machine's other states choose and record."""

MAPS = (CLEAN_SHARDS, ASSIGN_SHARDS)
"""The states that start one function for each shard. `MERGE_SHARDS` starts one for each group of shards, if a run has
several groups."""


REFRESH_HELD_BACK = "RefreshHeldBack"
HELD_BACK = ("HeldBack", REFRESH_HELD_BACK, "DeliveryOverlaps")
"""The errors of Model that hold a run, or a scheduled refresh, back. Another run can approve it."""

NOTHING_TO_REFRESH = "NothingToRefresh"
"""The error of Model that ends a scheduled refresh before the first model is published."""

ENDS_OF_A_REFRESH = (REFRESH_HELD_BACK, NOTHING_TO_REFRESH)
"""The errors that end a scheduled refresh without a failure. They would be announced every night."""


RUNS_OF_THE_INBOX = "inbox-"
"""How the names of runs begin that the function Inbox starts. The state machine tells it when one of them ends."""


class RunKind(NamedTuple):
    """A kind of run: the `mode` that its input names, the states that each passes, in order, and its label for people.

    Runs of several groups of shards also pass `MERGE_SHARDS`.
    """

    mode: str
    states: tuple[str, ...]
    label: str


RUN_KINDS = (
    RunKind("full", (INGEST, CLEAN_SHARDS, MODEL), "count a whole history"),
    RunKind("append", (INGEST, CLEAN_SHARDS, MODEL), "add new history to the counts"),
    RunKind("assign", (INGEST, ASSIGN_SHARDS, MODEL), "assign amounts to customers"),
    RunKind("remodel", (MODEL,), "make a model from existing counts"),
    RunKind("rollback", (MODEL,), "serve an earlier version again"),
    RunKind("approve", (MODEL,), "publish a held-back model"),
)


def modes_through(state: str) -> set[str]:
    """Return the modes of the kinds of run that pass a state."""
    return {kind.mode for kind in RUN_KINDS if state in kind.states}
