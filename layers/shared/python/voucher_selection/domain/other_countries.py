"""Other countries: rows of countries that a run does not ask for, by name, so that people see a misspelt country."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from voucher_selection.domain.country_keys import country_key

NO_COUNTRY = "no country"
"""The name that rows without a country are listed under."""
MOST_SHOWN = 20
"""The most names that a run's summary, a page and the terminal have."""

# The most names that the totals of a shard and of a ledger have: more than there are countries.
_MOST_NAMES = 300
_LONGEST_NAME = 64
# Of shorter names, one letter tells countries apart: Iran and Iraq.
_LEAST_LETTERS = 5

type RowsByName = dict[str, int]


def listed_name(text: str | None) -> str:
    """Return the name that rows are listed under: as their file spells it, trimmed, composed and cut to 64 characters.

    Control characters are replaced: names are shown in a terminal.

    Examples
    --------
    >>> listed_name("  Chile "), listed_name(" "), listed_name(None)
    ('Chile', 'no country', 'no country')
    """
    given = (text or "").strip()
    name = unicodedata.normalize("NFC", given[: _LONGEST_NAME + 1])
    if len(name) > _LONGEST_NAME or len(given) > _LONGEST_NAME + 1:
        name = f"{name[: _LONGEST_NAME - 1].rstrip()}…"
    return "".join("\ufffd" if unicodedata.category(c) in {"Cc", "Cs"} else c for c in name) or NO_COUNTRY


def summed(counts: Iterable[tuple[str, int]], most: int = _MOST_NAMES) -> RowsByName:
    """Add up numbers of rows by name, the most frequent name first; only the `most` most frequent names stay.

    All spellings of a country are one name, the spelling with the largest number. The result does not depend on the
    order of `counts`.

    Examples
    --------
    >>> summed([("CHILE", 1), ("Latvia", 3), ("Chile", 4)])
    {'Chile': 5, 'Latvia': 3}
    """
    spelled: dict[str, str] = {}
    rows: dict[str, int] = {}
    for name, number in sorted(counts, key=_most_frequent_first):
        key = country_key(name)
        spelled.setdefault(key, name)
        rows[key] = rows.get(key, 0) + number
    ordered = sorted(((spelled[key], number) for key, number in rows.items()), key=_most_frequent_first)
    return dict(ordered[:most])


def _most_frequent_first(counted: tuple[str, int]) -> tuple[int, str]:
    name, number = counted
    return -number, name


class OtherCountry(NamedTuple):
    """A name in the list that people see: its rows, and the run's country that it may be meant for."""

    name: str
    rows: int
    meant: str | None = None

    @property
    def question(self) -> str:
        """Whether the run's country was meant, in words; empty if no country is similar."""
        return f"did you mean {self.meant}?" if self.meant else ""

    def __str__(self) -> str:
        """Return the entry as the terminal and messages show it: `Perú 120 (did you mean Peru?)`."""
        return f"{self.name} {self.rows:,}{f' ({self.question})' if self.question else ''}"


def listed(by_name: Mapping[str, int], rows: int, countries: Collection[str]) -> list[OtherCountry]:
    """Return the list that people see: the most frequent 20 names, and all others as one.

    Parameters
    ----------
    by_name
        `Totals.other_countries`; without a name, nothing is listed, because totals of older versions have none.
    rows
        The number of rows of other countries.
    countries
        The countries of the run.
    """
    shown = summed(by_name.items(), MOST_SHOWN)
    found = [OtherCountry(name, number, resembling(name, countries)) for name, number in shown.items()]
    rest = rows - sum(shown.values())
    return [*found, OtherCountry("all others", rest)] if found and rest else found


def resembling(name: str, countries: Collection[str]) -> str | None:
    """Return the country that a name may be a misspelling of, None if there is none.

    Such a name has the same letters apart from accents and signs, or differs by one letter: one is missing, too many,
    wrong, or has changed places with the next one.

    Examples
    --------
    >>> resembling("Perú", ["Peru"]), resembling("Lavtia", ["Latvia"]), resembling("Chile", ["China"])
    ('Peru', 'Latvia', None)
    """
    letters = _letters(name)
    return next((country for country in countries if letters and _is_close(letters, _letters(country))), None)


def _letters(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", country_key(name)) if c.isalnum())


def _is_close(name: str, country: str) -> bool:
    if name == country or max(len(name), len(country)) < _LEAST_LETTERS:
        return name == country
    start = _same(name, country)
    ours, theirs = name[start:], country[start:]
    end = _same(ours[::-1], theirs[::-1])
    ours, theirs = ours[: len(ours) - end], theirs[: len(theirs) - end]
    return max(len(ours), len(theirs)) == 1 or (len(ours) == 2 and ours == theirs[::-1])  # noqa: PLR2004 - two letters


def _same(one: str, other: str) -> int:
    """Return with how many of the same letters both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (ours, theirs) in pairs if ours != theirs), min(len(one), len(other)))
