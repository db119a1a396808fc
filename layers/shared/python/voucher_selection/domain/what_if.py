"""What another model would change: the segments whose amount differs from the served one."""

from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from voucher_selection.domain.model import SegmentKey, SegmentMode
from voucher_selection.domain.model_document import CountryAnswer, ModelFacts, SegmentAnswer
from voucher_selection.domain.segments import SegmentDefinitions


class SegmentChange(BaseModel):
    """A segment whose amount changes: as served, and as it would be. None if the model does not have the segment."""

    country_code: str
    segment_name: str
    segment: str
    served_amount: float | None
    served_support: int | None
    amount: float | None
    support: int | None


class WhatIf(BaseModel):
    """The report of a what-if; `model`, `segments` and `country_modes` are as in `GET /selection_criteria`."""

    counts_run_id: str
    served_version: str | None
    definitions: SegmentDefinitions
    changes: tuple[SegmentChange, ...]
    model: ModelFacts
    segments: list[SegmentAnswer]
    country_modes: list[CountryAnswer] = []


def changed_segments(served: Iterable[SegmentMode], modes: Iterable[SegmentMode]) -> Iterator[SegmentChange]:
    """Yield the segments whose amount changes, in the order of `modes`; then those that no longer exist."""
    before = {mode.key_in_any_model: mode for mode in served}
    for mode in modes:
        known = before.pop(mode.key_in_any_model, None)
        if mode.voucher_amount != (known.voucher_amount if known else None):
            yield _change(mode.key, known, mode)
    for gone in before.values():
        if gone.voucher_amount is not None:
            yield _change(gone.key, gone, None)


def _change(key: SegmentKey, served: SegmentMode | None, mode: SegmentMode | None) -> SegmentChange:
    return SegmentChange(
        **key._asdict(),
        served_amount=served.voucher_amount if served else None,
        served_support=served.support if served else None,
        amount=mode.voucher_amount if mode else None,
        support=mode.support if mode else None,
    )
