"""The model: the mode (the amount used most) of every segment and country, and the version that identifies it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from voucher_selection.domain.country_keys import by_key, country_key
from voucher_selection.domain.errors import NoSegment, NoSupport, UnknownCountry
from voucher_selection.domain.fallbacks import Basis
from voucher_selection.domain.segments import Segmentation, SegmentDefinitions
from voucher_selection.domain.validation import listed
from voucher_selection.domain.windows import ALL_DAYS, Window

if TYPE_CHECKING:
    from voucher_selection.domain.stored_objects import StoredObject
    from voucher_selection.domain.totals import Totals


MOST_LEADING = 10
"""So many amounts of a mode lookups and their page need: the page lists at most nine."""


@dataclass(frozen=True, slots=True)
class AmountCount:
    """A voucher amount, in the country's currency, and how many assignments have it."""

    voucher_amount: float
    count: int


class Others(NamedTuple):
    """The amounts that a mode does not list: how many there are, and how many assignments have one of them."""

    amounts: int
    assignments: int


NO_OTHERS = Others(0, 0)


class SegmentKey(NamedTuple):
    """The key of a segment: its country, its segmentation, and its name in the segmentation."""

    country_code: str
    segment_name: str
    segment: str

    def __str__(self) -> str:
        """Return the key as messages show it: its parts, separated by spaces."""
        return " ".join(self)


class Mode:
    """Amounts with their counts, the one used most first: what an answer may rest on.

    A mode that is made from counts lists all its amounts. One that the catalog keeps for lookups lists the leading ones
    in `assignments`, and counts the `others`; the catalog keeps all of them apart.
    """

    basis: ClassVar[Basis]
    country_code: str
    assignments: tuple[AmountCount, ...]
    others: Others

    @property
    def key(self) -> tuple[str, ...]:
        """The key of the mode in its model."""
        raise NotImplementedError

    @cached_property
    def support(self) -> int:
        """The number of kept assignments behind the mode."""
        return sum(assignment.count for assignment in self.assignments) + self.others.assignments

    @property
    def voucher_amount(self) -> float | None:
        """The mode: the amount used most; None without support."""
        return self.assignments[0].voucher_amount if self.assignments else None

    @cached_property
    def share(self) -> float | None:
        """The mode's share of the support, from 0 to 1; None without support."""
        return self.assignments[0].count / self.support if self.assignments else None

    @property
    def runner_up(self) -> AmountCount | None:
        """The amount used second most; None if there is only one."""
        return self.assignments[1] if len(self.assignments) > 1 else None

    @property
    def amounts(self) -> int:
        """The number of different amounts, listed or not."""
        return len(self.assignments) + self.others.amounts


@dataclass(frozen=True)
class SegmentMode(Mode):
    """One segment of one country with its amounts, the one used most first.

    `segment_name` is the segmentation and `segment` the range, as in a lookup's request and answer. `upper` is None if
    the segment is open upwards. Both bounds are None for the segment of all values outside the ranges.
    """

    basis = "segment"
    country_code: str
    segment_name: str
    segment: str
    lower: int | None
    upper: int | None
    assignments: tuple[AmountCount, ...]
    others: Others = NO_OTHERS

    @property
    def key(self) -> SegmentKey:
        """The key of the segment, with the model's spelling of the country."""
        return SegmentKey(self.country_code, self.segment_name, self.segment)

    @property
    def key_in_any_model(self) -> SegmentKey:
        """The key of the segment in every model, however that spells the country."""
        return self.key._replace(country_code=country_key(self.country_code))


@dataclass(frozen=True)
class CountryMode(Mode):
    """One country with the amounts of all its kept rows, the one used most first."""

    basis = "country"
    country_code: str
    assignments: tuple[AmountCount, ...]
    others: Others = NO_OTHERS

    @property
    def key(self) -> tuple[str]:
        """The key of the country, with the model's spelling."""
        return (self.country_code,)


def shortened[AnyMode: SegmentMode | CountryMode](mode: AnyMode) -> AnyMode:
    """Return a mode that lists at most its `MOST_LEADING` leading amounts, and counts the others."""
    if len(mode.assignments) <= MOST_LEADING:
        return mode
    listed = mode.assignments[:MOST_LEADING]
    counted = sum(assignment.count for assignment in listed)
    return replace(mode, assignments=listed, others=Others(mode.amounts - len(listed), mode.support - counted))


class CountsOrigin(NamedTuple):
    """The counts that a model was made from: the run that wrote them, its totals of rows, and their ledger as written.

    `rows` and `ledger` are None in models that older versions wrote.
    """

    run_id: str
    rows: "Totals | None" = None
    ledger: "StoredObject | None" = None


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of the model: its identity, and what it was made from.

    `time_zone` defines when a day begins: a customer's time with an offset is converted to it. `window` has the days of
    assignment that the model is made from. `expires_at` is set once
    the version is due for deletion; then it can no longer be served.
    """

    version: str
    run_id: str
    counts: CountsOrigin
    cur_date: date
    published_at: datetime
    countries: tuple[str, ...]
    definitions: SegmentDefinitions
    time_zone: str = "UTC"
    window: Window = ALL_DAYS
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Model(Version):
    """A version together with the mode of every segment, and of every country.

    The modes list all their amounts if the model was just made from counts; see `Mode`.

    `country_modes` is empty in models that older versions made.
    """

    modes: tuple[SegmentMode, ...]
    country_modes: tuple[CountryMode, ...] = ()

    @cached_property
    def _by_segment(self) -> dict[tuple[str, str, str], SegmentMode]:
        return {mode.key: mode for mode in self.modes}

    @cached_property
    def _by_country(self) -> dict[str, CountryMode]:
        """The modes of the countries by their names; empty in models that older versions made."""
        return {mode.country_code: mode for mode in self.country_modes}

    @cached_property
    def entries(self) -> tuple[SegmentMode | CountryMode, ...]:
        """All modes by country: those of its segments, and then its own. Parts of a large answer are cut from these."""
        segments: dict[str, list[SegmentMode | CountryMode]] = {country: [] for country in self.countries}
        for mode in self.modes:
            segments[mode.country_code].append(mode)
        for country in self.country_modes:
            segments[country.country_code].append(country)
        return tuple(mode for country in segments.values() for mode in country)

    def part(self, entries: Iterable[SegmentMode | CountryMode]) -> "Model":
        """Return the model with only these modes."""
        shown = tuple(entries)
        return replace(
            self,
            modes=tuple(mode for mode in shown if isinstance(mode, SegmentMode)),
            country_modes=tuple(mode for mode in shown if isinstance(mode, CountryMode)),
        )

    @cached_property
    def segmentations(self) -> dict[str, Segmentation]:
        """The model's segmentations by name, in the order of their definition."""
        return {segmentation.name: segmentation for segmentation in self.definitions.segmentations}

    @cached_property
    def _countries_by_key(self) -> dict[str, str]:
        return by_key(self.countries)

    def country(self, spelled: str) -> str:
        """Return the model's name of a country, from any spelling.

        Raises
        ------
        UnknownCountry
            The model was not made for this country.
        """
        name = self._countries_by_key.get(country_key(spelled))
        if name is None:
            raise UnknownCountry(f"the model is for {listed(self.countries)}, not for {spelled[:80]!r}")
        return name

    def mode_for(
        self, country: str, segmentation: str, value: int | None, least_support: int | None = None
    ) -> SegmentMode | CountryMode:
        """Return the mode that answers a customer: that of the segment that holds `value`, or else the country's.

        Parameters
        ----------
        value
            The measured value; None: not known, so that no segment holds it.
        least_support
            The least support of an answer. The country's mode answers where no segment holds the value, or where the
            segment has less. None: there is no fallback, and a segment with any support answers.

        Raises
        ------
        UnknownCountry
            The model was not made for this country.
        NoSegment
            The value lies outside every segment, and there is no fallback.
        NoSupport
            The segment has no assignments, and there is no fallback; or the country has too few.
        """
        country = self.country(country)
        segment = None if value is None else self.segmentations[segmentation].segment_for(value)
        mode = None if segment is None else self._by_segment[country, segmentation, segment]
        if mode is not None and mode.assignments and (least_support is None or mode.support >= least_support):
            return mode
        if least_support is not None:
            return self._of_country(country, least_support)
        if mode is None:
            raise self._no_segment(self.segmentations[segmentation], value)
        raise NoSupport(f"segment {segment} of {segmentation} has no kept assignments for {country}")

    def _of_country(self, country: str, least_support: int) -> CountryMode:
        mode = self._by_country.get(country)
        if mode is None:
            raise NoSupport(
                f"expected the amounts of {country} for the fallback, but an older version made the model, without"
                " them: run the whole history once"
            )
        if mode.support < max(least_support, 1):
            raise NoSupport(
                f"expected a support of at least {least_support:,} for the fallback, but {country} has only"
                f" {mode.support:,} kept assignments"
            )
        return mode

    def _no_segment(self, segmentation: Segmentation, value: int | None) -> NoSegment:
        segments = listed([segment.name for segment in segmentation.segments])
        return NoSegment(
            f"{segmentation.measure} is {value} (on {self.cur_date}), in no segment of {segmentation.name}: {segments}"
        )
