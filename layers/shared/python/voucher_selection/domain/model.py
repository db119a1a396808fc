"""The model: every segment's mode (the amount used most), and the version that identifies the model."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from voucher_selection.domain.countries import by_key, country_key
from voucher_selection.domain.errors import NoSegment, NoSupport, UnknownCountry
from voucher_selection.domain.segments import Segmentation, SegmentDefinitions
from voucher_selection.domain.validation import listed
from voucher_selection.domain.windows import ALL_DAYS, Window

if TYPE_CHECKING:
    from voucher_selection.domain.stored_objects import StoredObject
    from voucher_selection.domain.totals import Totals


@dataclass(frozen=True, slots=True)
class AmountCount:
    """A voucher amount, in the country's currency, and how many assignments have it."""

    voucher_amount: float
    count: int


class SegmentKey(NamedTuple):
    """The key of a segment: its country, its segmentation, and its name in the segmentation."""

    country_code: str
    segment_name: str
    segment: str

    def __str__(self) -> str:
        """Return the key as messages show it: its parts, separated by spaces."""
        return " ".join(self)


@dataclass(frozen=True)
class SegmentMode:
    """One segment of one country with its amounts, the one used most first.

    `segment_name` is the segmentation and `segment` the range, as in a lookup's request and answer. `upper` is None if
    the segment is open upwards. Both bounds are None for the segment of all values outside the ranges.
    """

    country_code: str
    segment_name: str
    segment: str
    lower: int | None
    upper: int | None
    assignments: tuple[AmountCount, ...]

    @property
    def key(self) -> SegmentKey:
        """The key of the segment, which is the same in every model."""
        return SegmentKey(self.country_code, self.segment_name, self.segment)

    @cached_property
    def support(self) -> int:
        """The number of kept assignments in the segment."""
        return sum(assignment.count for assignment in self.assignments)

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
        """The amount used second most; None if the segment has only one."""
        return self.assignments[1] if len(self.assignments) > 1 else None


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
    """A version together with every segment's mode."""

    modes: tuple[SegmentMode, ...]

    @cached_property
    def _by_segment(self) -> dict[tuple[str, str, str], SegmentMode]:
        return {mode.key: mode for mode in self.modes}

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

    def mode_for(self, country: str, segmentation: str, value: int) -> SegmentMode:
        """Return the mode of the segment that holds a measured value.

        Raises
        ------
        UnknownCountry
            The model was not made for this country.
        NoSegment
            The value lies outside every segment.
        NoSupport
            The segment has no assignments.
        """
        country = self.country(country)
        definition = self.segmentations[segmentation]
        segment = definition.segment_for(value)
        if segment is None:
            segments = listed([segment.name for segment in definition.segments])
            raise NoSegment(
                f"{definition.measure} is {value} (on {self.cur_date}), in no segment of {segmentation}: {segments}"
            )
        mode = self._by_segment[country, segmentation, segment]
        if not mode.assignments:
            raise NoSupport(f"segment {segment} of {segmentation} has no kept assignments for {country}")
        return mode
