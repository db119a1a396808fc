"""Modes: find the amount used most in each segment and country, from counts, segment definitions and CUR_DATE."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

from voucher_selection.domain.counts import Counts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import AmountCount, CountryMode, SegmentMode
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


def country_modes(counts: Counts, countries: Sequence[str]) -> tuple[CountryMode, ...]:
    """Return every country with the amounts of all its counted rows, in the order of `segment_modes`.

    Every row has a number of orders, so the counts by orders have each of them once.
    """
    amounts = _ranked(counts.over_days(Measure.TOTAL_ORDERS).to_pandas(), ["country_code"])
    return tuple(CountryMode(country, amounts.get((country,), ())) for country in countries)


def _modes_of(
    country: str, segmentation: Segmentation, amounts: dict[tuple[str, ...], tuple[AmountCount, ...]]
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
) -> dict[tuple[str, ...], tuple[AmountCount, ...]]:
    """Return the amounts of each (country, segment) that has any."""
    frame: pd.DataFrame = counts.over_days(segmentation.measure).to_pandas()
    counted = frame["value"].unique()
    measured = segmentation.measure.measured(counted, cur_date).tolist()
    segment_of = dict(zip(counted.tolist(), map(segmentation.segment_for, measured), strict=True))
    frame["segment"] = frame["value"].map(segment_of)
    return _ranked(frame.dropna(subset=["segment"]), ["country_code", "segment"])


def _ranked(frame: "pd.DataFrame", keys: list[str]) -> dict[tuple[str, ...], tuple[AmountCount, ...]]:
    """Return the amounts of each combination of keys that has any: the highest count first, then the smaller amount."""
    summed = frame.groupby([*keys, "voucher_amount"])["rows"].sum().reset_index()
    ranked = summed.sort_values(["rows", "voucher_amount"], ascending=[False, True])
    return {
        tuple(map(str, key)): tuple(
            AmountCount(float(amount), int(rows))
            for amount, rows in zip(group["voucher_amount"], group["rows"], strict=True)
        )
        for key, group in ranked.groupby(keys)
    }
