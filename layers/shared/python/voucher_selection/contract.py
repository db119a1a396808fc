"""What the deployed code and the stack that deploys it both rely on: names, limits and defaults, each written once.

Only the standard library is imported here, so that the CDK's program reads it without pydantic or pandas.
"""

from typing import NamedTuple


class RunKind(NamedTuple):
    """A kind of run: the `mode` that its input names, and the states that it passes in the state machine, in order."""

    mode: str
    states: tuple[str, ...]


RUN_KINDS = (
    RunKind("full", ("Ingest", "CleanShards", "Model")),
    RunKind("append", ("Ingest", "CleanShards", "Model")),
    RunKind("assign", ("Ingest", "AssignShards", "Model")),
    RunKind("remodel", ("Model",)),
    RunKind("rollback", ("Model",)),
    RunKind("approve", ("Model",)),
)
