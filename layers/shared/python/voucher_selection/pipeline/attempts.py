"""Attempts to move the pointer to the served version: a run tries again if another run moved it meanwhile."""

import random
import time
from collections.abc import Iterator

from voucher_selection.domain.errors import CatalogContended

# Each failed attempt means that another run has published.
ATTEMPTS = 12
_LONGEST_PAUSE = 0.5  # seconds, before the next attempt


def attempts() -> Iterator[int]:
    """Yield the number of each attempt that a run may make, with a pause after each."""
    for attempt in range(ATTEMPTS):
        yield attempt
        pause()


def contended(run: str) -> CatalogContended:
    """Return the error for a run whose last attempt failed, too: an `append`, a `remodel` or a `rollback`."""
    return CatalogContended(f"the served model was replaced {ATTEMPTS} times during this {run}: start it again")


def pause() -> None:
    """Wait for a random time before the next attempt, so that two runs do not collide again."""
    time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - nothing secret
