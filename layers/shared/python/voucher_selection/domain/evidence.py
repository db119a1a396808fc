"""Evidence: how sure the counts of a segment make its mode (the amount used most)."""

from collections.abc import Sequence
from enum import StrEnum

LOW_SUPPORT = 30
"""A segment with fewer assignments than this has too few to compare its amounts."""

_CHI_SQUARE_95 = 3.84
"""By chance, chi-square with one degree of freedom exceeds this value in 5 % of samples."""


class Evidence(StrEnum):
    """How well the assignments support the mode of a segment."""

    CLEAR = "clear"
    NEAR_TIE = "near_tie"  # by chance, the runner-up could have been the mode
    THIN = "thin"  # too few assignments
    NONE = "none"  # no assignments


def evidence_of(counts: Sequence[int], others: int = 0) -> Evidence:
    """Return how well the counts support a mode.

    The two leading amounts are a near tie if a chi-square test, at the 5 % level, finds no difference between their
    counts: (n1 - n2)² < 3.84 (n1 + n2).

    Parameters
    ----------
    counts
        How often each amount of the segment was used, the most frequent first; at least the two leading ones.
    others
        How often amounts were used that are not in `counts`.

    Examples
    --------
    >>> evidence_of([80, 20]), evidence_of([52, 48]), evidence_of([3])
    (<Evidence.CLEAR: 'clear'>, <Evidence.NEAR_TIE: 'near_tie'>, <Evidence.THIN: 'thin'>)
    """
    if not counts:
        return Evidence.NONE
    if sum(counts) + others < LOW_SUPPORT:
        return Evidence.THIN
    if len(counts) > 1 and _within_noise(counts[0], counts[1]):
        return Evidence.NEAR_TIE
    return Evidence.CLEAR


def _within_noise(first: int, second: int) -> bool:
    return (first - second) ** 2 < _CHI_SQUARE_95 * (first + second)
