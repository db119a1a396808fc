"""How the pages and the terminal put things."""

import pytest

from voucher_selection.api.wording import duration


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
