"""Numbers of the report's charts: what segmentations are worth, backtests, and amounts over time."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voucher_selection.api.amount_strips import strips
from voucher_selection.api.backtest_chart import backtest_chart
from voucher_selection.api.quality_charts import country_charts, worth
from voucher_selection.domain.quality_document import BacktestMonth, Quality


def after(month: str, segments: float | None, country: float | None, unanswered: int = 0) -> BacktestMonth:
    number = 0 if segments is None else 200
    return {"month": month, "tested": number, "segments": segments, "country": country, "unanswered": unanswered}


def month_of(month: str, change: str | None = None, /, **amounts: int) -> Any:
    """A month with assignments by amount: `_10=3` are three of 10."""
    counts = [{"voucher_amount": float(name[1:]), "count": count} for name, count in amounts.items()]
    return {
        "month": month,
        "support": sum(amounts.values()),
        "voucher_amount": counts[0]["voucher_amount"],
        "amounts": counts,
        "others": 0,
        "change": change,
    }


def quality(months: list[str]) -> Quality:
    over_time = [month_of(month, _10=3, _20=1) for month in months]
    backtest = [after(month, 0.75, 0.5) for month in months[1:]]
    agreement = {"support": 40, "segments": 0.75, "country": 0.5}
    return {
        "segmentations": [
            {
                "country_code": country,
                "segment_name": "loyalty",
                "agreement": agreement,  # type: ignore[typeddict-item]
                "backtest": backtest,
                "over_time": [{"segment": "few", "months": over_time}, {"segment": "many", "months": []}],
            }
            for country in ("Peru", "Chile")
        ],
        "countries": [
            {"country_code": country, "months": [month | {"shift_between": []} for month in over_time]}
            for country in ("Peru", "Chile")
        ],
    }


def test_a_point_of_the_backtest_is_as_high_as_its_share():
    chart = backtest_chart([after("2018-05", 0.62, 0.5), after("2018-06", 0.7, 0.45)])

    assert chart
    assert [(label.text, label.at) for label in chart.shares] == [
        ("40 %", 130.0),
        ("50 %", 90.0),
        ("60 %", 50.0),
        ("70 %", 10.0),
    ]
    assert chart.segments.points == ((29.0, 42.0), (63.0, 10.0))
    assert chart.country.points == ((29.0, 90.0), (63.0, 110.0))
    assert chart.segments.paths == ("29.0,42.0 63.0,10.0",)
    assert [(label.text, label.at) for label in chart.names] == [("2018-06", 63.0)]


def test_a_month_without_a_test_is_a_gap_in_the_lines():
    months = [
        after(f"2018-0{month}", share, share) for month, share in enumerate((0.5, 0.5, None, 0.5, 0.5, None, 0.5), 1)
    ]

    chart = backtest_chart(months)

    assert chart
    assert len(chart.segments.points) == 5
    assert [len(path.split()) for path in chart.segments.paths] == [2, 2]


def test_the_bar_of_a_month_is_its_unanswered_share():
    chart = backtest_chart(
        [after("2018-05", 0.5, 0.5, 50), after("2018-06", 0.5, 0.5), after("2018-07", 0.0, 0.5, 200)]
    )

    assert chart
    quarter, all_of_them = chart.unanswered
    assert (quarter.height, all_of_them.height) == (7.0, 28.0)
    assert quarter.y + quarter.height == all_of_them.y + all_of_them.height == chart.base


def test_people_who_do_not_see_the_chart_read_its_summary():
    chart = backtest_chart([after("2018-05", 0.6, 0.5), after("2018-06", 0.4, 0.5, 20), after("2018-07", None, None)])

    assert chart
    assert chart.summary == (
        "2 months to 2018-06; segments agree with more assignments than one amount in 1."
        " In 2018-06: segments 40.0 %, one amount 50.0 %, unanswered 10.0 %"
    )


@pytest.mark.parametrize("months", [[], [after("2018-05", None, None)]])
def test_without_a_test_there_is_no_chart(months: list[BacktestMonth]):
    assert backtest_chart(months) is None


@given(st.lists(st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 200)), min_size=1, max_size=24))
def test_nothing_is_drawn_beyond_the_picture(shares: list[tuple[float, float, int] | None]):
    months = [after("2018-05", *(found or (None, None))) for found in shares]

    chart = backtest_chart(months)

    assert (chart is None) == (not any(shares))
    if chart:
        points = [*chart.segments.points, *chart.country.points, *((bar.x, bar.y) for bar in chart.unanswered)]
        assert all(0 <= x <= chart.axis and 0 <= y <= chart.base for x, y in points)
        assert len(chart.segments.points) == sum(found is not None for found in shares)


def test_a_cell_has_the_amount_used_most_and_its_share():
    found = strips(["2018-05", "2018-06"], {"few": [month_of("2018-06", "own", _10=6, _20=2)]})

    (strip,) = found.strips
    nothing, cell = strip.cells
    assert (found.months, strip.name, nothing) == (("2018-05", "2018-06"), "few", None)
    assert cell
    assert (cell.amount, cell.share, cell.level, cell.support, cell.change) == ("10", 0.75, 7, 8, "own")


def test_a_change_is_a_sentence_with_its_cause():
    months = [month_of("2018-04", _10=2), month_of("2018-06", "own", _20=2), month_of("2018-07", "shift", _10=2)]
    country = [months[0], months[2] | {"shift_between": ["loyalty", "tenure"]}]

    found = strips(["2018-06", "2018-07"], {"few": months, "Peru": country})

    assert found.changes == (
        "2018-06, few: 20 instead of 10: the amounts given in it changed.",
        "2018-07, few: 10 instead of 20: only the sizes of its parts changed.",
        "2018-07, Peru: 10 instead of 10: only the sizes of its parts changed, the segments of loyalty and of tenure.",
    )


def test_a_change_before_the_months_shown_is_not_told():
    months = [month_of("2018-04", _10=2), month_of("2018-05", "own", _20=2), month_of("2018-06", _20=2)]

    assert strips(["2018-06"], {"few": months}).changes == ()


def test_the_charts_are_of_a_country_s_last_24_months():
    months = [f"{year}-{month:02}" for year in (2016, 2017, 2018) for month in range(1, 13)]

    charts = country_charts(quality(months), "Chile")

    assert charts
    (loyalty,) = charts.segmentations
    assert (charts.country_code, charts.over_time.months) == ("Chile", tuple(months[-24:]))
    assert loyalty.backtest
    assert [month["month"] for month in loyalty.backtest.months] == months[-24:]
    assert [(strip.name, sum(cell is not None for cell in strip.cells)) for strip in loyalty.over_time.strips] == [
        ("few", 24),
        ("many", 0),
    ]
    assert country_charts(quality(months), "Latvia") is None


def test_the_worth_is_that_of_all_months_and_of_the_last_one():
    first, _ = worth(quality(["2018-05", "2018-06"]), ("Peru", "Chile"))
    untested, _ = worth(quality(["2018-05"]), ("Peru", "Chile"))

    assert first == ("Peru", "loyalty", 40, 0.75, 0.5, after("2018-06", 0.75, 0.5))
    assert untested.last_month is None
    assert [found.country_code for found in worth(quality(["2018-05"]), ("Chile",))] == ["Chile"]
