"""The kinds of run: for each, its request and its summary. The contract has their states and labels."""

from typing import Any, NamedTuple

from voucher_selection.contract.runs import RUN_KINDS
from voucher_selection.domain import requests, summaries
from voucher_selection.domain.errors import InvalidRequest


class Kind(NamedTuple):
    """A kind of run: the class of its request with an example, and the class of its summary."""

    request: type[requests.RunRequest]
    example: dict[str, Any]
    summary: type[summaries.Summary]


KINDS: dict[str, Kind] = {
    "full": Kind(
        requests.FullRequest,
        {"source": "s3://bucket/folder/", "countries": ["Peru"], "cur_date": "2018-09-15"},
        summaries.HistorySummary,
    ),
    "append": Kind(
        requests.AppendRequest,
        {"mode": "append", "source": "s3://bucket/today/"},
        summaries.HistorySummary,
    ),
    "remodel": Kind(
        requests.RemodelRequest,
        {"mode": "remodel", "cur_date": "2018-10-01", "publish": False},
        summaries.RemodelSummary,
    ),
    "assign": Kind(
        requests.AssignRequest,
        {"mode": "assign", "customers": "s3://bucket/customers/"},
        summaries.AssignSummary,
    ),
    "rollback": Kind(requests.RollbackRequest, {"mode": "rollback"}, summaries.RollbackSummary),
    "approve": Kind(
        requests.ApproveRequest,
        {"mode": "approve", "run_id": "run-6f5b966c"},
        summaries.ApprovalSummary,
    ),
}
"""Every kind of run by the `mode` of its input."""


def parse_request(request: object) -> requests.RunRequest:
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
