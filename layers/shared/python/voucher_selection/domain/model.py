"""The model: every segment's mode, and what identifies the version of it."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from voucher_selection.domain.countries import by_key, country_key
from voucher_selection.domain.errors import NoSegment, NoSupport, UnknownCountry
from voucher_selection.domain.segments import Segmentation, SegmentDefinitions
from voucher_selection.domain.validation import listed

if TYPE_CHECKING:
    from voucher_selection.domain.stored_objects import StoredObject
    from voucher_selection.domain.totals import Totals


@dataclass(frozen=True, slots=True)
class AmountCount:
    """A voucher amount, in the country's currency, and how many assignments have it."""

    voucher_amount: float
    count: int


class SegmentKey(NamedTuple):
    """What a segment is known by: its country, its segmentation, and its name in that."""

    country_code: str
    segment_name: str
    segment: str

    def __str__(self) -> str:
        """Return it as messages name a segment."""
        return " ".join(self)


@dataclass(frozen=True)
class SegmentMode:
    """One segment of one country with its amounts, the one used most first.

    `segment_name` is the segmentation and `segment` the range, as in a lookup's request and answer. `upper` is None
    where the segment is open, both bounds where it is what lies outside the others.
    """

    country_code: str
    segment_name: str
    segment: str
    lower: int | None
    upper: int | None
    assignments: tuple[AmountCount, ...]

    @property
    def key(self) -> SegmentKey:
        """What the segment is known by, in its model and in others."""
        return SegmentKey(self.country_code, self.segment_name, self.segment)

    @cached_property
    def support(self) -> int:
        """How many kept assignments stand behind the mode."""
        return sum(assignment.count for assignment in self.assignments)

    @property
    def voucher_amount(self) -> float | None:
        """The mode: the amount that occurs most often; None without support."""
        return self.assignments[0].voucher_amount if self.assignments else None

    @cached_property
    def share(self) -> float | None:
        """The mode's part of the support, from 0 to 1; None without support."""
        return self.assignments[0].count / self.support if self.assignments else None

    @property
    def runner_up(self) -> AmountCount | None:
        """The amount that occurs second most often; None where there is no other."""
        return self.assignments[1] if len(self.assignments) > 1 else None


class CountsOrigin(NamedTuple):
    """The counts that a model was made from: the run that left them, their rows, and what their ledger must be.

    `rows` and `ledger` are None in what older versions wrote.
    """

    run_id: str
    rows: "Totals | None" = None
    ledger: "StoredObject | None" = None


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of the model: what identifies it, and what it was made from.

    `time_zone` is what a day is: times of customers with an offset are read as its clocks showed them. `expires_at` is
    None unless the version is about to be deleted; then it can no longer be served.
    """

    version: str
    run_id: str
    counts: CountsOrigin
    cur_date: date
    published_at: datetime
    countries: tuple[str, ...]
    definitions: SegmentDefinitions
    time_zone: str = "UTC"
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Model(Version):
    """A version with every segment's mode."""

    modes: tuple[SegmentMode, ...]

    @cached_property
    def _by_segment(self) -> dict[SegmentKey, SegmentMode]:
        return {mode.key: mode for mode in self.modes}

    @cached_property
    def segmentations(self) -> dict[str, Segmentation]:
        """The model's segmentations by name, in the order of their definition."""
        return {segmentation.name: segmentation for segmentation in self.definitions.segmentations}

    def measured(self, given: datetime | int | None) -> int | None:
        """Return the value of a measure: a number of orders as it is, and whole days from an order to CUR_DATE."""
        return (self.cur_date - given.date()).days if isinstance(given, datetime) else given

    @cached_property
    def _countries_by_key(self) -> dict[str, str]:
        return by_key(self.countries)

    def country(self, spelled: str) -> str:
        """Return the name that the model has for a country, however it is spelled.

        Raises
        ------
        UnknownCountry
            The model was not made for it.
        """
        name = self._countries_by_key.get(country_key(spelled))
        if name is None:
            raise UnknownCountry(f"the model knows no country {spelled[:80]!r}, only {listed(self.countries)}")
        return name

    def mode_for(self, country: str, segmentation: str, value: int) -> SegmentMode:
        """Return the mode of the segment that holds `value` (orders, or days since the last order).

        Raises
        ------
        UnknownCountry
            The model was not made for this country.
        NoSegment
            The value lies outside every segment.
        NoSupport
            No assignment stands behind the segment.
        """
        country = self.country(country)
        definition = self.segmentations[segmentation]
        segment = definition.segment_for(value)
        if segment is None:
            segments = listed([segment.name for segment in definition.segments])
            raise NoSegment(
                f"{definition.measure} is {value} (on {self.cur_date}), in no segment of {segmentation}: {segments}"
            )
        mode = self._by_segment[SegmentKey(country, segmentation, segment)]
        if not mode.assignments:
            raise NoSupport(f"no kept assignment of {country} is in segment {segment} of {segmentation}")
        return mode
