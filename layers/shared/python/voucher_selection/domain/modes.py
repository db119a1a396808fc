"""Modes: find the amount used most in each segment, from counts, segment definitions and CUR_DATE."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from voucher_selection.domain.counts import Counts
from voucher_selection.domain.model import AmountCount, SegmentMode
from voucher_selection.domain.segments import Segmentation, SegmentDefinitions

if TYPE_CHECKING:
    import pandas as pd


def segment_modes(
    counts: Counts, definitions: SegmentDefinitions, cur_date: date, countries: Sequence[str]
) -> tuple[SegmentMode, ...]:
    """Return every segment of every country with its amounts, the one used most first.

    Amounts that were used equally often are in ascending order, so that the smaller one wins. A segment without support
    has an empty list of amounts. The order is that of `countries`, then of the definitions. Values are measured at
    `cur_date`.
    """
    modes: list[SegmentMode] = []
    by_segmentation = {s.name: _amounts_by_segment(counts, s, cur_date) for s in definitions.segmentations}
    for country in countries:
        for segmentation in definitions.segmentations:
            modes.extend(_modes_of(country, segmentation, by_segmentation[segmentation.name]))
    return tuple(modes)


def _modes_of(
    country: str, segmentation: Segmentation, amounts: dict[tuple[str, str], tuple[AmountCount, ...]]
) -> Iterator[SegmentMode]:
    for segment, (lower, upper) in segmentation.bounds.items():
        yield SegmentMode(
            country_code=country,
            segment_name=segmentation.name,
            segment=segment,
            lower=lower,
            upper=upper,
            assignments=amounts.get((country, segment), ()),
        )


def _amounts_by_segment(
    counts: Counts, segmentation: Segmentation, cur_date: date
) -> dict[tuple[str, str], tuple[AmountCount, ...]]:
    """Return the amounts of each (country, segment) that has any: the highest count first, then the smaller amount."""
    frame: pd.DataFrame = counts.over_days(segmentation.measure).to_pandas()
    counted = frame["value"].unique()
    measured = segmentation.measure.measured(counted, cur_date).tolist()
    segment_of = dict(zip(counted.tolist(), map(segmentation.segment_for, measured), strict=True))
    frame["segment"] = frame["value"].map(segment_of)
    in_segments = frame.dropna(subset=["segment"])
    summed = in_segments.groupby(["country_code", "segment", "voucher_amount"])["rows"].sum().reset_index()
    ranked = summed.sort_values(["rows", "voucher_amount"], ascending=[False, True])
    return {
        (str(country), str(segment)): tuple(
            AmountCount(float(amount), int(rows))
            for amount, rows in zip(group["voucher_amount"], group["rows"], strict=True)
        )
        for (country, segment), group in ranked.groupby(["country_code", "segment"])
    }
