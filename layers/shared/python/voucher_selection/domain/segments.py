"""Segmentations: named ranges that split customers into segments, as data.

The shipped definitions are in `segments.json`; a deployment may bring its own. Loading checks them. They are published
with the model, so that the pipeline and the API always use the same ones.
"""

from bisect import bisect_right
from collections import Counter
from functools import cache
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from voucher_selection.domain.errors import InvalidSegments
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.validation import WITHOUT_CONTROLS, describe, listed

# A name becomes part of a DynamoDB sort key, where `#` separates the parts.
Name = Annotated[str, StringConstraints(pattern=r"^[^#\s]+$", max_length=64), WITHOUT_CONTROLS]
MOST_SEGMENTS, MOST_SEGMENTATIONS = 1_000, 20


# JSON has whole numbers of any size; the tables, the catalog and JavaScript hold numbers up to this one.
_FARTHEST_BOUND = 2**53


class Segment(BaseModel):
    """A named range. Both bounds belong to it; `upper` is None if the range is open upwards."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    lower: int
    upper: int | None

    @model_validator(mode="after")
    def _within_reach(self) -> Self:
        for which, bound in (("lower", self.lower), ("upper", self.upper)):
            if bound is not None and abs(bound) > _FARTHEST_BOUND:
                raise ValueError(
                    f"segment {self.name!r}: {which} is {str(bound)[:25]}, expected whole numbers up to"
                    f" {_FARTHEST_BOUND} (2^53)"
                )
        return self

    @model_validator(mode="after")
    def _not_inverted(self) -> Self:
        if self.upper is not None and self.upper < self.lower:
            raise ValueError(f"segment {self.name!r} is inverted: {self.lower} to {self.upper}")
        return self

    def __contains__(self, value: int) -> bool:
        return self.lower <= value and (self.upper is None or value <= self.upper)


class Segmentation(BaseModel):
    """Ranges of one measure without gap or overlap. `outside` names the segment of other values (None: no segment)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    measure: Measure
    segments: Annotated[tuple[Segment, ...], Field(max_length=MOST_SEGMENTS)]
    outside: Name | None

    @model_validator(mode="after")
    def _contiguous(self) -> Self:
        if not self.segments:
            raise ValueError(f"{self.name} has no segments")
        names = [segment.name for segment in self.segments] + [self.outside]
        if doubled := sorted(str(name) for name, times in Counter(names).items() if times > 1):
            raise ValueError(f"{self.name} has more than one segment named {listed(doubled)}")
        for below, above in pairwise(self.segments):
            self._check_neighbours(below, above)
        return self

    def _check_neighbours(self, below: Segment, above: Segment) -> None:
        if below.upper is None:
            raise ValueError(f"{self.name}: segment {below.name!r} is open upwards, so {above.name!r} cannot follow it")
        if above.lower <= below.upper:
            raise ValueError(
                f"{self.name}: {above.name!r} starts at {above.lower}, inside or before {below.name!r},"
                f" which ends at {below.upper}; list the segments in ascending order, without overlap"
            )
        if above.lower > below.upper + 1:
            raise ValueError(
                f"{self.name}: nothing covers {below.upper + 1} to {above.lower - 1},"
                f" between {below.name!r} and {above.name!r}"
            )

    def segment_for(self, value: int) -> str | None:
        """Return the name of the segment that holds a measured value; `outside` if no range holds it.

        Examples
        --------
        >>> segmentation = shipped_definitions()["frequent_segment"]
        >>> segmentation.segment_for(15), segmentation.segment_for(100)
        ('14-37', 'out_of_range')
        """
        # Without gap or overlap, only the last segment that begins at or below the value can hold it.
        place = bisect_right(self.segments, value, key=attrgetter("lower"))
        return self.segments[place - 1].name if place and value in self.segments[place - 1] else self.outside

    @property
    def bounds(self) -> dict[str, tuple[int | None, int | None]]:
        """Every segment's (lower, upper) by name, in order; `outside` comes last, with (None, None)."""
        named: dict[str, tuple[int | None, int | None]] = {s.name: (s.lower, s.upper) for s in self.segments}
        return named if self.outside is None else named | {self.outside: (None, None)}


class SegmentDefinitions(BaseModel):
    """All segmentations of a deployment; their names are distinct."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segmentations: Annotated[tuple[Segmentation, ...], Field(max_length=MOST_SEGMENTATIONS)]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [segmentation.name for segmentation in self.segmentations]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"expected at least one segmentation and distinct names, got {names}")
        return self

    def __getitem__(self, name: str) -> Segmentation:
        return {segmentation.name: segmentation for segmentation in self.segmentations}[name]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the segmentations, in the order of definition."""
        return tuple(segmentation.name for segmentation in self.segmentations)

    @property
    def segment_count(self) -> int:
        """The number of segments that each country has, in all segmentations."""
        return sum(len(segmentation.bounds) for segmentation in self.segmentations)


def load_definitions(text: str) -> SegmentDefinitions:
    """Read segment definitions from JSON text in the form of `segments.json`.

    Raises
    ------
    InvalidSegments
        The text is not JSON of this form, or a range is inverted, overlaps the next one, or leaves a gap before it.
    """
    try:
        return SegmentDefinitions.model_validate_json(text.removeprefix("\ufeff"))
    except ValidationError as error:
        raise InvalidSegments(f"the segment definitions are invalid: {'; '.join(describe(error))}") from error


@cache
def shipped_definitions() -> SegmentDefinitions:
    """Return the definitions in `segments.json`, which come with the product."""
    return load_definitions(Path(__file__).with_name("segments.json").read_text(encoding="utf-8"))
