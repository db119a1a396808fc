"""How good a model is: what its segmentations are worth, tested month by month, and its amounts over time."""

from collections.abc import Sequence
from datetime import date

from voucher_selection.domain.agreement import OneAmounts, agreements, backtests
from voucher_selection.domain.amounts_over_time import countries_over_time, segments_over_time
from voucher_selection.domain.coded_counts import Axes, CodedCounts
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.quality_document import Quality
from voucher_selection.domain.segments import SegmentDefinitions


def quality_of(counts: Counts, definitions: SegmentDefinitions, cur_date: date, countries: Sequence[str]) -> Quality:
    """Return how good a model of these counts is.

    Parameters
    ----------
    counts
        The counts that the model is made from, cut to its window.
    definitions
        Its segmentations.
    cur_date
        Its CUR_DATE, for the agreement and the amounts over time. A month of the backtest has its first day instead.
    countries
        Its countries; counts of others are left out.
    """
    axes = Axes.of(counts, countries)
    kept = CodedCounts.of(counts, Measure.TOTAL_ORDERS, axes)
    by_measure = {Measure.TOTAL_ORDERS: kept}
    for segmentation in definitions.segmentations:
        if segmentation.measure not in by_measure:
            by_measure[segmentation.measure] = CodedCounts.of(counts, segmentation.measure, axes)
    histories = {segmentation: by_measure[segmentation.measure] for segmentation in definitions.segmentations}
    one_amounts = OneAmounts.of(kept, axes)
    found = [
        (
            segmentation.name,
            agreements(history, segmentation, cur_date, one_amounts),
            backtests(history, segmentation, axes, one_amounts),
            segments_over_time(history, segmentation, cur_date, axes),
        )
        for segmentation, history in histories.items()
    ]
    over_time = countries_over_time(kept, histories, cur_date, axes)
    return {
        "segmentations": [
            {
                "country_code": country,
                "segment_name": name,
                "agreement": agreement[place],
                "backtest": backtest[place],
                "over_time": segments[place],
            }
            for place, country in enumerate(countries)
            for name, agreement, backtest, segments in found
        ],
        "countries": [
            {"country_code": country, "months": months} for country, months in zip(countries, over_time, strict=True)
        ],
    }
