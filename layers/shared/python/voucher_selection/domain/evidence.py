"""Evidence: how much the counts of a segment's amounts say about which of them is used most."""

from collections.abc import Sequence
from enum import StrEnum

LOW_SUPPORT = 30
"""Fewer assignments than this are too few to tell amounts apart by."""

_CHI_SQUARE_95 = 3.84
"""The value that chi-square with one degree of freedom exceeds by chance in 5 % of samples."""


class Evidence(StrEnum):
    """What stands behind the mode of a segment."""

    CLEAR = "clear"
    NEAR_TIE = "near_tie"  # the runner-up could as well have been the mode
    THIN = "thin"  # there are too few assignments
    NONE = "none"  # there are no assignments


def evidence_of(counts: Sequence[int]) -> Evidence:
    """Return what stands behind a mode.

    The two leading amounts are a near tie where a chi-square test, at the 5 % level, does not tell their counts apart
    from those of amounts that are used equally often: (n1 - n2)² < 3.84 (n1 + n2).

    Parameters
    ----------
    counts
        How often each amount of the segment was used, the most frequent first.
    """
    if not counts:
        return Evidence.NONE
    if sum(counts) < LOW_SUPPORT:
        return Evidence.THIN
    if len(counts) > 1 and _within_noise(counts[0], counts[1]):
        return Evidence.NEAR_TIE
    return Evidence.CLEAR


def _within_noise(first: int, second: int) -> bool:
    return (first - second) ** 2 < _CHI_SQUARE_95 * (first + second)
