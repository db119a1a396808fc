"""Spellings of countries for readers that cannot compute `country_key`: plain replacements that give the same key.

The replacements depend on the names. They give the key of every spelling in any case, white space and Unicode form,
but for odd ones, like accents in another order than Unicode's: those get a text that is no country's key. No spelling
gets the key of another country.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from typing import NamedTuple, Self

from voucher_selection.domain.country_keys import country_key
from voucher_selection.domain.white_space import BLANKS

_DOTTED, _DOTLESS = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "\N{LATIN SMALL LETTER DOTLESS I}"
_DOT = "\N{COMBINING DOT ABOVE}"
# The characters with a case, and almost all that Unicode composes, are below this one.
_END = 0x1F000
# A name has at most 128 characters: so many halvings make one blank of 128.
_HALVINGS = 7


class Spellings(NamedTuple):
    """How to turn a spelling without white space around it into a key: four steps, in this order.

    Attributes
    ----------
    before
        Texts to replace, each everywhere and one after the other, by others.
    characters
        After that, and after `A` to `Z` became small letters: characters to replace by others.
    after
        After that: texts to replace, as in `before`.
    """

    before: tuple[tuple[str, str], ...]
    characters: Mapping[str, str]
    after: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> Self:
        """Return the replacements for the countries with these names."""
        keys = [country_key(name) for name in names]
        composed = _compositions(keys)
        letters = {*"".join(keys), *"".join(text for text, _ in composed)}
        folded = {
            character: key
            for character, key in _folded().items()
            if letters.issuperset(key) and character not in {_DOTTED, _DOTLESS}
        }
        blank = " " in letters
        # A dot above a dotless i is no part of the letter: only the dots of others go, and only then is it an i.
        dots = [("i" + _DOT, "i"), (_DOTLESS, "i")] if "i" in letters else []
        longer = [(character, key) for character, key in folded.items() if len(key) > 1]
        return cls(
            # Some programs make a plain i of it, which no dot and no accent can be told from.
            before=((_DOTTED, "i" + _DOT),) if dots else (),
            characters={
                **{character: key for character, key in folded.items() if len(key) == 1},
                **(dict.fromkeys(BLANKS.replace(" ", ""), " ") if blank else {}),
            },
            after=(*composed, *dots, *longer, *([("  ", " ")] * _HALVINGS if blank else ())),
        )

    def key(self, spelled: str) -> str:
        """Return the key that the replacements give to a spelling.

        Examples
        --------
        >>> spellings = Spellings.of(["Perú", "Costa Rica"])
        >>> spellings.key("PERU" + chr(0x301)), spellings.key(" costa  RICA ")
        ('perú', 'costa rica')
        """
        text = _replaced(spelled.strip(BLANKS), self.before)
        text = "".join(character.lower() if character.isascii() else character for character in text)
        text = "".join(self.characters.get(character, character) for character in text)
        return _replaced(text, self.after)


def _replaced(text: str, pairs: Iterable[tuple[str, str]]) -> str:
    for old, new in pairs:
        text = text.replace(old, new)
    return text


def _compositions(keys: Iterable[str]) -> list[tuple[str, str]]:
    """Return each letter and accent with the letter that they compose, for the letters of the keys."""
    found: dict[str, str] = {}
    for letter in sorted({*"".join(keys)}):
        parts = unicodedata.normalize("NFD", letter)
        for end in range(2, len(parts) + 1):
            base, whole = (unicodedata.normalize("NFC", parts[:length]) for length in (end - 1, end))
            if len(base) == len(whole) == 1:
                found[base + parts[end - 1]] = whole
    # What composes a letter that is composed further comes first.
    return sorted(found.items(), key=lambda pair: len(unicodedata.normalize("NFD", pair[1])))


@cache
def _folded() -> dict[str, str]:
    """Return the key of each character outside ASCII that is not its own key."""
    characters = (chr(code) for code in (*range(0x80, 0xD800), *range(0xE000, _END)))
    return {character: key for character in characters if (key := country_key(character)) != character and key.strip()}
