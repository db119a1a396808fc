"""How the pages and the terminal put things."""

import pytest

from voucher_selection.domain.wording import duration, first_of


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (3.25, "3.2 s"),
        (61, "1 min 1 s"),
        (3_600, "1 h"),
        (90_061, "1 d 1 h"),
        (30 * 86_400, "30 d"),
    ],
)
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, words: str):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("count", "words"), [(1, "1 object: 0"), (5, "5 objects: 0, 1, 2, 3, 4"), (1_200, "1,200 objects: 0, 1, 2, 3, 4 …")]
)
def test_of_many_names_the_first_are_told(count: int, words: str):
    assert first_of([str(n) for n in range(min(count, 20))], count) == words
