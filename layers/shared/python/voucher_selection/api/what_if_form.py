"""The what-if form on the report page: a date, days of assignment, and the ranges of segmentations as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

from pydantic import ValidationError

from voucher_selection.domain.errors import InvalidSegments
from voucher_selection.domain.formats import date_from_text
from voucher_selection.domain.model import Model
from voucher_selection.domain.ranges import ranges_of, segmentation_of, with_ranges
from voucher_selection.domain.requests import WhatIfRequest
from voucher_selection.domain.segments import Segmentation, SegmentDefinitions
from voucher_selection.domain.validation import describe, field_problems
from voucher_selection.domain.windows import ALL_DAYS, Window

_ADDED = ("added_name", "added_measure", "added_ranges")


@dataclass(frozen=True)
class WhatIfForm:
    """The form: its fields as text, a message for each invalid one, and what they mean.

    The fields are `cur_date`, `window`, and `ranges_0`, `ranges_1` and so on for the segmentations, in the order of
    definition. `added_name`, `added_measure` and `added_ranges` are one more segmentation, which the served model does
    not have; without ranges, there is none. Until a person sends the form, it shows the served model's.
    """

    is_sent: bool
    fields: Mapping[str, str]
    errors: Mapping[str, str]
    cur_date: date | None
    window: Window | None
    definitions: SegmentDefinitions | None

    @classmethod
    def of(cls, model: Model, query: Mapping[str, str]) -> Self:
        """Read the form from a page's query; missing fields have the model's values."""
        served = {"cur_date": model.cur_date.isoformat(), "window": model.window.written} | dict.fromkeys(_ADDED, "")
        fields = {name: query.get(name, value) for name, value in served.items()}
        errors, segmentations = {}, []
        for place, segmentation in enumerate(model.definitions.segmentations):
            name = _ranges_field(place)
            fields[name] = query.get(name, ranges_of(segmentation))
            try:
                segmentations.append(with_ranges(segmentation, fields[name]))
            except InvalidSegments as error:
                errors[name] = str(error)
        definitions = None
        try:
            definitions = _definitions([*segmentations, *_added(fields)])
        except InvalidSegments as error:
            errors["added_ranges"] = str(error)
        cur_date = _date(fields["cur_date"])
        if cur_date is None:
            errors["cur_date"] = f"expected a date like 2018-09-15, got {fields['cur_date'][:40]!r}"
        window = None
        try:
            window = Window.model_validate(fields["window"].strip() or ALL_DAYS)
        except ValidationError as error:
            errors["window"] = "; ".join(problem.detail for problem in field_problems(error))
        return cls("what_if" in query, fields, errors, cur_date, window, definitions)

    def request(self) -> WhatIfRequest:
        """Return the request of a form without errors."""
        return WhatIfRequest(cur_date=self.cur_date, window=self.window, segments=self.definitions)


def fields_to_try(model: Model, segmentation: Segmentation, cur_date: date, window: Window) -> dict[str, str]:
    """Return the fields of a form that tries a segmentation.

    Its ranges replace those of the model's first segmentation that has its measure. Without one, it is added.
    """
    fields = {"what_if": "1", "cur_date": cur_date.isoformat(), "window": window.written}
    measures = [served.measure for served in model.definitions.segmentations]
    ranges = ranges_of(segmentation)
    if segmentation.measure in measures:
        return fields | {_ranges_field(measures.index(segmentation.measure)): ranges}
    return fields | dict(zip(_ADDED, (segmentation.name, segmentation.measure.value, ranges), strict=True))


def _ranges_field(place: int) -> str:
    return f"ranges_{place}"


def _added(fields: Mapping[str, str]) -> Iterator[Segmentation]:
    name, measure, ranges = (fields[field].strip() for field in _ADDED)
    if ranges:
        yield segmentation_of(name, measure, ranges)


def _definitions(segmentations: Sequence[Segmentation]) -> SegmentDefinitions | None:
    """Return the definitions; None if no segmentation is valid, which its field says."""
    try:
        return SegmentDefinitions(segmentations=tuple(segmentations)) if segmentations else None
    except ValidationError as error:
        raise InvalidSegments("; ".join(describe(error))) from error


def _date(text: str) -> date | None:
    try:
        return date_from_text(text)
    except ValueError:
        return None
