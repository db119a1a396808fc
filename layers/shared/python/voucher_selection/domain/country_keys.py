"""Keys of countries: the same for a country in any case, Unicode form and white space."""

import unicodedata
from collections.abc import Iterable


def country_key(name: str) -> str:
    """Return a key that is the same for all spellings of a country.

    White space of any kind around a name does not count, and within it counts as one blank.

    Examples
    --------
    >>> country_key("PERU") == country_key(" Peru ")
    True
    >>> country_key("TÜRKİYE") == country_key("Türkiye")
    True
    """
    composed = unicodedata.normalize("NFC", " ".join(name.split()))
    # Turkish writes i with and without its dot, in both cases. Programs that know no Turkish turn either into I.
    dotted = (
        composed.casefold().replace("i\N{COMBINING DOT ABOVE}", "i").replace("\N{LATIN SMALL LETTER DOTLESS I}", "i")
    )
    return unicodedata.normalize("NFC", dotted)


def by_key(names: Iterable[str]) -> dict[str, str]:
    """Map the key of each country to its name."""
    return {country_key(name): name for name in names}
