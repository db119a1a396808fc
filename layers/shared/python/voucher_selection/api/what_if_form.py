"""The what-if form on the report page: a date, days of assignment, and the ranges of each segmentation as text."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

from pydantic import ValidationError

from voucher_selection.domain.errors import InvalidSegments
from voucher_selection.domain.formats import date_from_text
from voucher_selection.domain.model import Model
from voucher_selection.domain.ranges import ranges_of, with_ranges
from voucher_selection.domain.requests import WhatIfRequest
from voucher_selection.domain.segments import Segmentation, SegmentDefinitions
from voucher_selection.domain.validation import field_problems
from voucher_selection.domain.windows import ALL_DAYS, Window


@dataclass(frozen=True)
class WhatIfForm:
    """The form: its fields as text, a message for each invalid one, and what they mean.

    The fields are `cur_date`, `window`, and `ranges_0`, `ranges_1` and so on for the segmentations, in the order of
    definition. Until a person sends the form, it shows the served model's.
    """

    is_sent: bool
    fields: Mapping[str, str]
    errors: Mapping[str, str]
    cur_date: date | None
    window: Window | None
    segmentations: tuple[Segmentation, ...]

    @classmethod
    def of(cls, model: Model, query: Mapping[str, str]) -> Self:
        """Read the form from a page's query; missing fields have the model's values."""
        served = {"cur_date": model.cur_date.isoformat(), "window": model.window.written}
        fields = {name: query.get(name, value) for name, value in served.items()}
        errors, segmentations = {}, []
        for place, segmentation in enumerate(model.definitions.segmentations):
            name = f"ranges_{place}"
            fields[name] = query.get(name, ranges_of(segmentation))
            try:
                segmentations.append(with_ranges(segmentation, fields[name]))
            except InvalidSegments as error:
                errors[name] = str(error)
        cur_date = _date(fields["cur_date"])
        if cur_date is None:
            errors["cur_date"] = f"expected a date like 2018-09-15, got {fields['cur_date'][:40]!r}"
        window = None
        try:
            window = Window.model_validate(fields["window"].strip() or ALL_DAYS)
        except ValidationError as error:
            errors["window"] = "; ".join(problem.detail for problem in field_problems(error))
        return cls("what_if" in query, fields, errors, cur_date, window, tuple(segmentations))

    def request(self) -> WhatIfRequest:
        """Return the request of a form without errors."""
        return WhatIfRequest(
            cur_date=self.cur_date, window=self.window, segments=SegmentDefinitions(segmentations=self.segmentations)
        )


def _date(text: str) -> date | None:
    try:
        return date_from_text(text)
    except ValueError:
        return None
