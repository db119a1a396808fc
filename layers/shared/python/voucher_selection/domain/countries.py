"""Names of countries: clean them where they enter, and find those whose spellings lie between two texts."""

import unicodedata
from collections.abc import Collection
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, WithJsonSchema

from voucher_selection.domain.country_keys import by_key, country_key

_LONGEST_NAME = 64
# In ASCII, a name may begin with white space or a letter. This is the first character after ASCII.
_ASCII_SPACE = [chr(code) for code in range(128) if chr(code).isspace()]
_BEYOND_ASCII = "\x80"


def country_name(text: str) -> str:
    """Return a name in the form that we store: no white space around it, and composed (Unicode's NFC).

    Raises
    ------
    ValueError
        The name is blank, or contains a control character or a `#` (which separates the parts of a DynamoDB key).
    """
    name = unicodedata.normalize("NFC", text.strip())
    if not name or "#" in name or any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise ValueError(f"expected the name of a country, without # or control characters, got {text!r}")
    return name


def may_lie_between(least: str, most: str, countries: Collection[str]) -> bool:
    """Return whether any spelling of the countries may sort from `least` to `most`, by code points.

    A spelling begins with white space, with its first letter in either case, or with a character outside ASCII.
    """
    if least == most:
        return country_key(least) in by_key(countries)
    return most >= _BEYOND_ASCII or any(least[:1] <= start <= most[:1] for start in _ascii_starts(tuple(countries)))


@lru_cache(maxsize=16)
def _ascii_starts(countries: tuple[str, ...]) -> frozenset[str]:
    """Return the ASCII characters that a spelling can begin with; for an accented letter, also its base letter."""
    letters = {unicodedata.normalize("NFD", country_key(name))[:1] for name in countries}
    return frozenset(_ASCII_SPACE) | letters | {letter.upper() for letter in letters}


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    known: set[str] = set()
    for name in names:
        if country_key(name) in known:
            raise ValueError(f"expected each country once, in any spelling, got {name!r} again")
        known.add(country_key(name))
    if not names:
        raise ValueError("expected at least one country, got none")
    return names


_NAMED = r"[^#\u0000-\u001f\u007f-\u009f]"
Country = Annotated[
    str,
    StringConstraints(min_length=1, max_length=_LONGEST_NAME),
    AfterValidator(country_name),
    WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": _LONGEST_NAME, "pattern": rf"^\s*(?!\s){_NAMED}+\s*$"}
    ),
]
Countries = Annotated[tuple[Country, ...], AfterValidator(_distinct)]
