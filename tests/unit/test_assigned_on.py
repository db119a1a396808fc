"""When vouchers were given: kept rows by month, read off the counts."""

from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.quickstart.proof import reference
from tests.histories import history
from voucher_selection.api import charts
from voucher_selection.domain.assigned_on import AssignedOn, assigned_of
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.domain.wording import assigned

TIMES = st.datetimes(datetime(2014, 12, 30), datetime(2016, 1, 2)).map(str) | st.none()


def given_on(*rows: dict[str, Any], countries: tuple[str, ...] = ("Peru",)) -> AssignedOn:
    """Return when the rows of a history were given."""
    return AssignedOn.of(Counts.of(clean(history(*rows).to_batches()[0], Reading(countries)).kept))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.fixed_dictionaries({"timestamp": TIMES, "last_order_ts": TIMES}), min_size=1, max_size=20))
def test_it_is_what_counting_row_by_row_gives(rows: list[dict[str, Any]]):
    times = [tuple(map(reference.moment, (row["timestamp"], row["last_order_ts"]))) for row in rows]
    days = sorted(when.date() for when, _ in times if when)

    found = given_on(*rows)

    assert found.months == Counter(f"{day:%Y-%m}" for day in days)
    assert list(found.months) == sorted(found.months)
    assert found.days == ((days[0], days[-1]) if days else None)
    assert found.undated == len(rows) - len(days)
    assert found.before_last_order == sum(bool(when and last and when.date() < last.date()) for when, last in times)


def test_countries_are_added_up_and_rejected_rows_are_not_there():
    rows = [{}, {"country_code": "Latvia"}, {"country_code": "Chile"}, {"total_orders": None}]

    assert given_on(*rows, countries=("Peru", "Latvia")).months == {"2018-07": 2}


def test_of_wrong_clocks_the_most_frequent_months_stay():
    stray = [f"{year}-{month:02}-01" for year in range(1900, 1920) for month in range(1, 13)]

    found = given_on(*({"timestamp": day} for day in [*stray, *["2018-07-01"] * 5, *["2018-06-01"] * 5]))

    assert (len(found.months), sum(found.months.values())) == (120, 118 + 10)
    assert list(found.months.items())[-2:] == [("2018-06", 5), ("2018-07", 5)]
    assert found.other_months == 240 - 118
    assert len(found.model_dump_json()) < 3_000


def test_without_rows_there_is_nothing():
    assert AssignedOn.of(Counts.sum([])) == AssignedOn()
    assert assigned(AssignedOn().model_dump(mode="json")) == ""
    assert charts.months(AssignedOn()) == []


def test_a_summary_of_an_older_version_does_not_say_it():
    assert assigned_of({}) is None
    assert assigned_of({"assigned_on": None}) is None
    assert assigned_of({"assigned_on": {"months": {"2018-07": 1}}}) == AssignedOn(months={"2018-07": 1})


def test_bars_have_every_kept_row_once():
    bars = charts.months(AssignedOn(months={"2018-06": 6, "2018-07": 2}, other_months=1, undated=1))

    assert [(bar.label, bar.number) for bar in bars] == [
        ("2018-06", 6), ("2018-07", 2), ("other months", 1), ("without a day", 1),
    ]  # fmt: skip
    assert [bar.share for bar in bars] == [0.6, 0.2, 0.1, 0.1]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{}], "2018-07-21: 2018-07 1"),
        ([{"timestamp": None}], "1 without a day"),
        ([{}, {"last_order_ts": "2018-08-01"}], "2018-07-21: 2018-07 2; 1 of these before the last order"),
        (
            [{"timestamp": f"2017-{month:02}-15"} for month in range(1, 13)] + [{}],
            "2017-01-15 to 2018-07-21: …, "
            + ", ".join(f"2017-{month:02} 1" for month in range(2, 13))
            + ", 2018-07 1; 12 of these before the last order",
        ),
    ],
)
def test_it_is_told_in_a_phrase(rows: list[dict[str, Any]], told: str):
    assert assigned(given_on(*rows).model_dump(mode="json")) == told
