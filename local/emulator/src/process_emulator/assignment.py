"""A repair of how LocalStack looks for a free environment of a function.

It goes through a dictionary that other invocations add environments to, and an invocation fails with "dictionary
changed size during iteration" when that happens at the same time: seen with 40 at once.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from localstack.services.lambda_.invocation.assignment import AssignmentService


class Environments(dict[str, Any]):
    """Environments by id; what goes through them sees those of that moment."""

    def values(self) -> list[Any]:  # type: ignore[override]
        """Return a copy."""
        return list(super().values())


def allow_changes_while_looking() -> None:
    """Give LocalStack's assignment service such dictionaries; call it before the service is made."""
    make = AssignmentService.__init__

    def make_with_copies(service: AssignmentService) -> None:
        make(service)
        service.environments = defaultdict(Environments)

    AssignmentService.__init__ = make_with_copies
