"""Sums of assignments by codes: the same whether codes are dense or far apart, and of any size."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voucher_selection.domain import amount_sums
from voucher_selection.domain.amount_sums import most_used, sum_by

EXAMPLES = settings(max_examples=200, deadline=None, derandomize=True)
_CODES = st.integers(0, 3) | st.sampled_from([1_000, 2**30, 2**31])


@given(st.lists(st.tuples(_CODES, _CODES, _CODES, st.integers(1, 9)), max_size=30))
@EXAMPLES
def test_rows_are_added_up_by_their_codes_in_order(rows: list[tuple[int, int, int, int]]):
    expected: Counter[tuple[int, ...]] = Counter()
    for *codes, times in rows:
        expected[tuple(codes)] += times
    *keys, counted = np.array(rows, np.int64).reshape(-1, 4).T

    found, summed = sum_by(keys, counted)

    assert list(zip(*(key.tolist() for key in found), summed.tolist(), strict=True)) == [
        (*codes, times) for codes, times in sorted(expected.items())
    ]


@pytest.mark.parametrize("codes_per_place", [0, 1_000])
def test_sums_are_the_same_by_sorting_and_by_a_list_of_all_codes(monkeypatch: pytest.MonkeyPatch, codes_per_place: int):
    monkeypatch.setattr(amount_sums, "_CODES_PER_PLACE", codes_per_place)

    (country, amount), rows = sum_by([np.array([1, 0, 1, 1]), np.array([2, 2, 2, 0])], np.array([5, 6, 7, 8]))

    assert [country.tolist(), amount.tolist(), rows.tolist()] == [[0, 1, 1], [2, 0, 2], [6, 8, 12]]


def test_the_amount_with_the_most_rows_of_each_group_is_used_most_and_of_equal_ones_the_smaller():
    winners = most_used(np.array([4, 1, 1, 4, 1]), np.array([0, 2, 1, 3, 0]), np.array([1, 5, 5, 2, 4]))

    assert [winners.group.tolist(), winners.amount.tolist()] == [[1, 4], [1, 3]]
