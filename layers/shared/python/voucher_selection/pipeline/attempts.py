"""Attempts to move the pointer: again, when another run has moved it meanwhile."""

import random
import time
from collections.abc import Iterator

from voucher_selection.domain.errors import CatalogContended

# Each time, another run has published.
ATTEMPTS = 12
_LONGEST_PAUSE = 0.5  # seconds, before the next attempt


def attempts() -> Iterator[int]:
    """Yield the number of each attempt that a run may make, with a pause between two."""
    for attempt in range(ATTEMPTS):
        yield attempt
        pause()


def contended(run: str) -> CatalogContended:
    """Return the error of a run whose last attempt was no good either: an `append`, a `remodel` or a `rollback`."""
    return CatalogContended(f"the served model was replaced {ATTEMPTS} times during this {run}: start it again")


def pause() -> None:
    """Wait a moment before the next attempt, each run another, so that two do not meet again."""
    time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - nothing secret
