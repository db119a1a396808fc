"""How good a model is, as the report page shows it: what segmentations are worth, and the charts of a country."""

from collections.abc import Collection
from typing import NamedTuple

from voucher_selection.api.amount_strips import Strips, strips
from voucher_selection.api.backtest_chart import BacktestChart, backtest_chart
from voucher_selection.domain.quality_document import BacktestMonth, Quality, SegmentationQuality

MOST_MONTHS = 24
"""So many months are shown, the last ones."""


class Worth(NamedTuple):
    """What a segmentation is worth in a country: its agreement and that of one amount, in all and in the last month."""

    country_code: str
    segment_name: str
    support: int
    segments: float | None
    country: float | None
    last_month: BacktestMonth | None


def worth(quality: Quality, countries: Collection[str]) -> list[Worth]:
    """Return what each segmentation is worth in some countries, in the order of the document."""
    return [
        Worth(
            found["country_code"],
            found["segment_name"],
            **found["agreement"],
            last_month=found["backtest"][-1] if found["backtest"] else None,
        )
        for found in quality["segmentations"]
        if found["country_code"] in countries
    ]


class SegmentationCharts(NamedTuple):
    """The charts of a segmentation in a country; `backtest` is None if no month could be tested."""

    segment_name: str
    backtest: BacktestChart | None
    over_time: Strips


class CountryCharts(NamedTuple):
    """The charts of a country: of the country as a whole, and of each segmentation."""

    country_code: str
    over_time: Strips
    segmentations: tuple[SegmentationCharts, ...]


def country_charts(quality: Quality, country: str) -> CountryCharts | None:
    """Return the charts of a country, of its last months; None if the document does not have the country."""
    found = next((found for found in quality["countries"] if found["country_code"] == country), None)
    if found is None:
        return None
    months = [month["month"] for month in found["months"][-MOST_MONTHS:]]
    return CountryCharts(
        country,
        strips(months, {country: found["months"]}),
        tuple(_charts(each, months) for each in quality["segmentations"] if each["country_code"] == country),
    )


def _charts(found: SegmentationQuality, months: list[str]) -> SegmentationCharts:
    series = {segment["segment"]: segment["months"] for segment in found["over_time"]}
    return SegmentationCharts(
        found["segment_name"], backtest_chart(found["backtest"][-MOST_MONTHS:]), strips(months, series)
    )
