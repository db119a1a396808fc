"""Names of countries: cleaned where they enter, and the same country in any case and with white space around it."""

import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, WithJsonSchema

_LONGEST_NAME = 64
# The only characters of ASCII before the letters of a name are white space, and these are where ASCII ends.
_ASCII_SPACE = [chr(code) for code in range(128) if chr(code).isspace()]
_BEYOND_ASCII = "\x80"


def country_name(text: str) -> str:
    """Return a name as it is kept: without white space around it, and composed (Unicode's NFC).

    Raises
    ------
    ValueError
        It is blank, or has a `#`, which separates the parts of a key in DynamoDB, or a control character.
    """
    name = unicodedata.normalize("NFC", text.strip())
    if not name or "#" in name or any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise ValueError(f"expected the name of a country, without # and control characters, got {text!r}")
    return name


def country_key(name: str) -> str:
    """Return what is the same for all spellings of a country: `PERU` and ` Peru ` are `Peru`."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def by_key(names: Iterable[str]) -> dict[str, str]:
    """Return names by their keys."""
    return {country_key(name): name for name in names}


def may_lie_between(least: str, most: str, countries: Collection[str]) -> bool:
    """Tell whether any spelling of the countries may sort from `least` to `most`, by their characters' code points.

    A spelling begins with white space, with the first letter in either case, or beyond ASCII.
    """
    if least == most:
        return country_key(least) in by_key(countries)
    return most >= _BEYOND_ASCII or any(least[:1] <= start <= most[:1] for start in _ascii_starts(tuple(countries)))


@lru_cache(maxsize=16)
def _ascii_starts(countries: tuple[str, ...]) -> frozenset[str]:
    """Return the characters of ASCII that a spelling can begin with: those that a letter is composed of too."""
    letters = {unicodedata.normalize("NFD", country_key(name))[:1] for name in countries}
    return frozenset(_ASCII_SPACE) | letters | {letter.upper() for letter in letters}


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    known: set[str] = set()
    for name in names:
        if country_key(name) in known:
            raise ValueError(f"expected no country twice, in any spelling, got {name!r} again")
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
