"""Replacements give the key of a country's spellings, and never the key of another text."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from voucher_selection.domain.country_keys import country_key
from voucher_selection.domain.country_spellings import Spellings
from voucher_selection.domain.white_space import BLANKS, SPACES

NAMES = ("Peru", "Costa Rica", "Türkiye", "Côte d'Ivoire", "Việt Nam", "Straße", "Ελλάς", "ᾳ", "대한민국", "Fĭji", "Ǖ")
KEYS = {country_key(name) for name in NAMES}
SPELLINGS = Spellings.of(NAMES)
# Letters of the names, accents in any order, and letters that become others in another case.
PIECES = [
    *{part for name in NAMES for form in ("NFC", "NFD") for part in unicodedata.normalize(form, name).swapcase()},
    *"\u0301\u0307\u0308\u0323\u0304\u0345\u0306\u0131\u0130\u017f\u212a\u00df\u1e9e\ufb01\ufb06\u03c2\u00dc\u1fbc",
    *"\t \u00a0\u2028\x1c",
]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_any_case_white_space_and_unicode_form_gets_its_key(name: str, form: str):
    for cased in (name, name.upper(), name.lower(), name.swapcase()):
        spelled = "\u2003" + unicodedata.normalize(form, cased).replace(" ", "\t \u00a0" * 30) + "\x1f\n"

        assert SPELLINGS.key(spelled) == country_key(name)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), st.sampled_from(NAMES)), st.data())
@example("Vi\u0307\u0323ê\u0323t Nam", None)
@example("Fĭj\u0131\u0307", None)
def test_no_spelling_gets_the_key_of_another_country(text: str, data: st.DataObject | None):
    if data is not None and text:
        place, piece = data.draw(st.integers(0, len(text))), data.draw(st.sampled_from(PIECES))
        text = text[:place] + piece + text[place:]

    key = SPELLINGS.key(text)

    assert key == country_key(text) or key not in KEYS


def test_plain_names_need_no_replacements():
    assert Spellings.of(["Peru"]) == ((), {}, ())


def test_the_white_space_is_that_of_python_and_of_lookups():
    assert {*BLANKS} == {chr(code) for code in range(0x110000) if chr(code).isspace()}
    assert {*BLANKS} - {*SPACES} == {*"\x1c\x1d\x1e\x1f"}
