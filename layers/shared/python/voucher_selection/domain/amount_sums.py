"""Sums of assignments by codes, and the amount used most of each group, with NumPy.

A code is the place of a value in a sorted list: small whole numbers stand for countries, months, segments and amounts.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

type Codes = npt.NDArray[np.int64]

# Up to so many codes for each place of an array, a list of all codes is faster than sorting the array.
_CODES_PER_PLACE = 16
_MOST_CODES = 2**62  # combined codes are numbers of 64 bits


class Winners(NamedTuple):
    """The groups that have rows, in order, and the code of the amount used most in each."""

    group: Codes
    amount: Codes


def sum_by(keys: Sequence[Codes], rows: Codes) -> tuple[list[Codes], Codes]:
    """Add up the rows of each combination of keys.

    Parameters
    ----------
    keys
        Codes from 0, one array for each key.
    rows
        The number of assignments, at least 1, at each place of the keys.

    Returns
    -------
    tuple
        The keys of the distinct combinations, sorted by the first key, then the second, and so on; and their sums.

    Examples
    --------
    >>> (country, amount), rows = sum_by([np.array([1, 0, 1]), np.array([2, 2, 2])], np.array([5, 6, 7]))
    >>> country.tolist(), amount.tolist(), rows.tolist()
    ([0, 1], [2, 2], [6, 12])
    """
    places, group = distinct(keys)
    return [key[places] for key in keys], sum_of(group, rows, len(places))


def distinct(keys: Sequence[Codes]) -> tuple[Codes, Codes]:
    """Return a place of each distinct combination of keys, and the number of the combination at each place.

    Combinations are numbered from 0, in the order of the first key, then the second, and so on.
    """
    combined, codes = np.zeros(len(keys[0]), np.int64), 1
    for key in keys:
        size = int(key.max(initial=0)) + 1
        if codes * size > _MOST_CODES:
            found, combined = np.unique(combined, return_inverse=True)
            codes = len(found)
        combined, codes = combined * size + key, codes * size
    if codes <= _CODES_PER_PLACE * len(combined):
        return _numbered(combined, codes)
    _, places, group = np.unique(combined, return_index=True, return_inverse=True)
    return places, group


def sum_of(group: Codes, rows: Codes, groups: int) -> Codes:
    """Add up the rows of each group, from 0 to `groups` - 1; up to 2^53 assignments."""
    return np.bincount(group, rows, groups).astype(np.int64)


def by_use(group: Codes, amount: Codes, rows: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> Codes:
    """Return the order by group, in which the amount with the most rows comes first; of equal ones, the smaller."""
    return np.lexsort((amount, -rows, group))


def most_used(group: Codes, amount: Codes, rows: npt.NDArray[np.int64] | npt.NDArray[np.float64]) -> Winners:
    """Return the amount with the most rows of each group; of equal ones, the smaller amount."""
    order = by_use(group, amount, rows)
    first = order[np.flatnonzero(np.diff(group[order], prepend=-1))]
    return Winners(group[first], amount[first])


def _numbered(combined: Codes, codes: int) -> tuple[Codes, Codes]:
    is_there = np.zeros(codes, np.bool_)
    is_there[combined] = True
    number = np.cumsum(is_there) - 1
    group = number[combined]
    places = np.empty(number[-1] + 1, np.int64)
    places[group] = np.arange(len(group))
    return places, group
