"""What an assign run costs: how many customers got which amount, and the sums, beside one amount for the country.

Amounts are in the currency of their country, so sums are by country. They are added up exactly, as fractions, and
rounded once, to the nearest float.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import NamedTuple, Self

from pydantic import BaseModel, ConfigDict

from voucher_selection.domain.fallbacks import Basis

# The execution's result has at most 256 KiB, and names may be long.
_MOST_SHOWN = 50


class Given(NamedTuple):
    """What customers were given alike: an amount, what it rests on, and their segment (None: in none)."""

    country_code: str
    segment_name: str
    segment: str | None
    basis: Basis
    voucher_amount: float


class GivenCustomers(BaseModel):
    """An amount that customers were given, as in `Given`, and how many they are."""

    model_config = ConfigDict(frozen=True)

    country_code: str
    segment_name: str
    segment: str | None
    basis: Basis
    voucher_amount: float
    customers: int

    @classmethod
    def of(cls, counted: Mapping[Given, int]) -> tuple[Self, ...]:
        """Return an entry for each key, in their order, those in no segment first."""
        ordered = sorted(counted, key=lambda given: (*given[:2], given.segment or "", *given[3:]))
        return tuple(cls(**given._asdict(), customers=counted[given]) for given in ordered)

    @classmethod
    def added_up(cls, parts: Iterable["GivenCustomers"]) -> tuple[Self, ...]:
        """Add up the customers of entries that are alike; the result has the order of `of`."""
        counted: Counter[Given] = Counter()
        for part in parts:
            counted[part.given] += part.customers
        return cls.of(counted)

    @property
    def given(self) -> Given:
        """The entry without its customers."""
        return Given(self.country_code, self.segment_name, self.segment, self.basis, self.voucher_amount)


class CostOfAmount(GivenCustomers):
    """An amount that customers were given, with their number and the sum of their amounts."""

    sum: float


class CostOfCountry(BaseModel):
    """The customers of a country who were given an amount, and the sum of their amounts.

    `by_segment` and `by_country` are the customers by what their amount rests on. `country_amount` is the one amount of
    the country, and `country_sum` the sum if all these customers were given it; null if the model does not have it.
    """

    model_config = ConfigDict(frozen=True)

    country_code: str
    customers: int
    by_segment: int
    by_country: int
    sum: float
    country_amount: float | None
    country_sum: float | None


class AssignmentCost(BaseModel):
    """The cost of an assign run: by country, and by country, segmentation, segment, basis and amount.

    Both begin with the most customers. A run's summary has the first 50 of each; the numbers of all of them are
    `all_countries` and `all_amounts`.
    """

    model_config = ConfigDict(frozen=True)

    countries: tuple[CostOfCountry, ...]
    amounts: tuple[CostOfAmount, ...]
    all_countries: int
    all_amounts: int

    @classmethod
    def of(cls, parts: Iterable[GivenCustomers], country_amounts: Mapping[str, float]) -> Self:
        """Add up what the customers of all shards were given; `country_amounts` are the one amount of each country."""
        of_countries: dict[str, list[GivenCustomers]] = defaultdict(list)
        for entry in GivenCustomers.added_up(parts):
            of_countries[entry.country_code].append(entry)
        countries = [_of_country(name, entries, country_amounts.get(name)) for name, entries in of_countries.items()]
        amounts = [_of_amount(entry) for entries in of_countries.values() for entry in entries]
        return cls(
            countries=tuple(sorted(countries, key=_fewest_last)),
            amounts=tuple(sorted(amounts, key=_fewest_last)),
            all_countries=len(countries),
            all_amounts=len(amounts),
        )

    def shortened(self) -> Self:
        """Return the cost for a summary, with the first entries of each list."""
        first = {"countries": self.countries[:_MOST_SHOWN], "amounts": self.amounts[:_MOST_SHOWN]}
        return self.model_copy(update=first)


def _of_amount(entry: GivenCustomers) -> CostOfAmount:
    return CostOfAmount(**entry.model_dump(), sum=float(_sum_of([entry])))


def _of_country(name: str, entries: list[GivenCustomers], amount: float | None) -> CostOfCountry:
    customers = sum(entry.customers for entry in entries)
    by_country = sum(entry.customers for entry in entries if entry.basis == "country")
    return CostOfCountry(
        country_code=name,
        customers=customers,
        by_segment=customers - by_country,
        by_country=by_country,
        sum=float(_sum_of(entries)),
        country_amount=amount,
        country_sum=None if amount is None else float(_exact(amount) * customers),
    )


def _sum_of(entries: Iterable[GivenCustomers]) -> Fraction:
    return sum((_exact(entry.voucher_amount) * entry.customers for entry in entries), Fraction(0))


def _exact(amount: float) -> Fraction:
    """Return the number that was meant: the shortest text that is this float."""
    return Fraction(repr(amount))


def _fewest_last(entry: CostOfCountry | CostOfAmount) -> int:
    return -entry.customers
