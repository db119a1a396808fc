"""The kinds of run: for each, its request, its summary and its label."""

from typing import Any, NamedTuple

from voucher_selection.contract.runs import RUN_KINDS
from voucher_selection.domain.errors import InvalidRequest
from voucher_selection.domain.requests import (
    AppendRequest,
    ApproveRequest,
    AssignRequest,
    FullRequest,
    RemodelRequest,
    RollbackRequest,
    RunRequest,
)
from voucher_selection.domain.summaries import (
    ApprovalSummary,
    AssignSummary,
    HistorySummary,
    RemodelSummary,
    RollbackSummary,
    Summary,
)


class Kind(NamedTuple):
    """A kind of run: the class of its request with an example, the class of its summary, and its label for people."""

    request: type[RunRequest]
    example: dict[str, Any]
    summary: type[Summary]
    label: str


KINDS: dict[str, Kind] = {
    "full": Kind(
        FullRequest,
        {"source": "s3://bucket/folder/", "countries": ["Peru"], "cur_date": "2018-09-15"},
        HistorySummary,
        "count a whole history",
    ),
    "append": Kind(
        AppendRequest,
        {"mode": "append", "source": "s3://bucket/today/"},
        HistorySummary,
        "add new history to the counts",
    ),
    "remodel": Kind(
        RemodelRequest,
        {"mode": "remodel", "cur_date": "2018-10-01", "publish": False},
        RemodelSummary,
        "make a model from existing counts",
    ),
    "assign": Kind(
        AssignRequest,
        {"mode": "assign", "customers": "s3://bucket/customers/"},
        AssignSummary,
        "assign amounts to customers",
    ),
    "rollback": Kind(RollbackRequest, {"mode": "rollback"}, RollbackSummary, "serve an earlier version again"),
    "approve": Kind(
        ApproveRequest, {"mode": "approve", "run_id": "run-6f5b966c"}, ApprovalSummary, "publish a held-back model"
    ),
}
"""Every kind of run by the `mode` of its input."""


def parse_request(request: object) -> RunRequest:
    """Read an execution's input. Its `mode` decides the kind of run; without one, it is a full run.

    Raises
    ------
    InvalidRequest
        Names the unknown mode, or every invalid key and value.

    Examples
    --------
    >>> parse_request({"source": "s3://bucket/folder/"}).mode
    'full'
    """
    mode = request.get("mode", "full") if isinstance(request, dict) else "full"
    # Compared one by one: the mode in a user's input may not be hashable.
    for known, kind in KINDS.items():
        if mode == known:
            return kind.request.parse(request)
    raise InvalidRequest(f"mode: expected one of {', '.join(KINDS)}, got {str(mode)[:80]!r}")


if KINDS.keys() != {kind.mode for kind in RUN_KINDS}:
    raise TypeError(f"expected the contract to have the kinds of run {', '.join(KINDS)}")
