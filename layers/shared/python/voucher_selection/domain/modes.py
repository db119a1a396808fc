"""Modes: find the amount used most in each segment and country, from counts, segment definitions and CUR_DATE."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from voucher_selection.domain.counts import Counts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import AmountCount, CountryMode, SegmentMode
from voucher_selection.domain.segments import Segmentation, SegmentDefinitions


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
    amounts = _ranked(counts.over_days(Measure.TOTAL_ORDERS), ["country_code"])
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
    table = counts.over_days(segmentation.measure)
    value = table["value"].combine_chunks().dictionary_encode()
    measured = segmentation.measure.measured(value.dictionary.to_numpy(), cur_date).tolist()
    segments = pa.array([segmentation.segment_for(number) for number in measured], pa.string())
    segmented = table.append_column("segment", segments.take(value.indices))
    return _ranked(segmented.filter(pc.is_valid(segmented["segment"])), ["country_code", "segment"])


def _ranked(table: pa.Table, keys: list[str]) -> dict[tuple[str, ...], tuple[AmountCount, ...]]:
    """Return the amounts of each combination of keys that has any: the highest count first, then the smaller amount."""
    summed = table.group_by([*keys, "voucher_amount"], use_threads=False).aggregate([("rows", "sum")])
    ranked = summed.sort_by([("rows_sum", "descending"), ("voucher_amount", "ascending")])
    amounts = map(AmountCount, ranked["voucher_amount"].to_pylist(), ranked["rows_sum"].to_pylist())
    found: defaultdict[tuple[str, ...], list[AmountCount]] = defaultdict(list)
    for key, amount in zip(zip(*(ranked[name].to_pylist() for name in keys), strict=True), amounts, strict=True):
        found[key].append(amount)
    return {key: tuple(of_key) for key, of_key in found.items()}
