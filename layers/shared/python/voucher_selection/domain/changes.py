"""Why the amount used most changes from one month to the next."""

from enum import StrEnum


class Cause(StrEnum):
    """Why another amount is used most than in the last month with assignments."""

    OWN = "own"  # the amounts changed within the parts
    SHIFT = "shift"  # only the sizes of the parts changed
