"""Search for the best ranges over distinct values, by dynamic programming.

What the values from one on reproduce at best with some ranges is the best choice of the first range, together with what
the values after it reproduce at best with one range fewer. All choices are compared, so that the search is exact.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type Rows = npt.NDArray[np.int64]

_IMPOSSIBLE = -(2**62)  # rows: so few that no sum with them is 0 or more


class Cut(NamedTuple):
    """Ranges over sorted values: the place after the last value of each range, and the rows that they reproduce."""

    ends: tuple[int, ...]
    reproduced: int


def best_cuts(cumulative: Sequence[Rows], most_ranges: int, least_support: int) -> list[Cut]:
    """Return the best cut with at most 1, 2, … ranges; of equal ones, the one with fewer ranges, then smaller ends.

    A range reproduces the rows that have the amount used most in it, in each country on its own.

    Parameters
    ----------
    cumulative
        For each country, the rows of each amount (first axis) that have a value before a place (second axis, from 0 to
        the number of values). All countries have the same values, and each value has a row in one of them.
    most_ranges
        The largest number of ranges.
    least_support
        The least number of rows of a range, in all countries together.

    Returns
    -------
    list of Cut
        One for each number up to `most_ranges`; none if all rows are fewer than `least_support`.

    Examples
    --------
    >>> best_cuts([np.array([[0, 5, 5], [0, 1, 4]])], most_ranges=2, least_support=1)
    [Cut(ends=(2,), reproduced=5), Cut(ends=(1, 2), reproduced=8)]
    """
    search = _Search(cumulative, most_ranges, least_support)
    exact = search.best[1:, 0].tolist()
    if exact[0] < 0:
        return []
    fewest = [1 + exact.index(max(exact[:most])) for most in range(1, most_ranges + 1)]
    cuts = {ranges: Cut(search.ends(ranges), exact[ranges - 1]) for ranges in set(fewest)}
    return [cuts[ranges] for ranges in fewest]


class _Search:
    """`best` has the rows that a number of ranges (first axis) reproduces at best from a place on (second axis)."""

    def __init__(self, cumulative: Sequence[Rows], most_ranges: int, least_support: int) -> None:
        self._cumulative = cumulative
        self._support: Rows = np.sum([rows.sum(axis=0) for rows in cumulative], axis=0)
        values = len(self._support) - 1
        # A range that begins at a place ends here at the earliest, to have the least support.
        self._earliest = np.searchsorted(self._support, self._support[:-1] + least_support).tolist()
        self.best = np.full((most_ranges + 1, values + 1), _IMPOSSIBLE)
        self.best[0, values] = 0
        for start in range(values - 1, -1, -1):
            if self._earliest[start] <= values:
                reproduced = self._reproduced(start) + self.best[:-1, self._earliest[start] :]
                self.best[1:, start] = reproduced.max(axis=1)

    def _reproduced(self, start: int) -> Rows:
        """Return the rows that one range reproduces from a place to each possible end."""
        end = self._earliest[start]
        return np.sum([(rows[:, end:] - rows[:, start : start + 1]).max(axis=0) for rows in self._cumulative], axis=0)

    def ends(self, ranges: int) -> tuple[int, ...]:
        """Return the smallest ends of the best cut with a number of ranges."""
        start, ends = 0, []
        for left in range(ranges, 0, -1):
            reproduced = self._reproduced(start) + self.best[left - 1, self._earliest[start] :]
            start = self._earliest[start] + int(np.argmax(reproduced))
            ends.append(start)
        return tuple(ends)
