"""What the quickstart shows of models."""

from datetime import UTC, datetime
from typing import Any

import pytest

from local.quickstart.model_report import model_report, show_left_behind, stacked_bar
from local.quickstart.steps import StepError

NOON = datetime(2018, 9, 15, 12, tzinfo=UTC)


def segment(country: str, segment_name: str, name: str, *counts: int) -> dict[str, Any]:
    assignments = [{"voucher_amount": 100.0 * (place + 1), "count": count} for place, count in enumerate(counts)]
    return {
        "country_code": country,
        "segment_name": segment_name,
        "segment": name,
        "support": sum(counts),
        "assignments": assignments,
    }


CRITERIA = {
    "model": {"version": "v1", "cur_date": "2018-09-15", "published_at": "2018-09-15T11:58:30.400000+00:00"},
    "segments": [
        segment("Peru", "frequent_segment", "1-4", 1535, 596, 590),
        segment("Peru", "recency_segment", "180+", 2, 1, 1),
        segment("Latvia", "recency_segment", "30-60", 50, 45, 1),
        segment("Latvia", "recency_segment", "61-90"),
    ],
}


def names(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(told["country_code"], told["segment"]) for told in report["segments"]]


def test_every_segment_says_what_stands_behind_its_mode():
    found = model_report(CRITERIA, None, None, NOON)

    assert [told["evidence"] for told in found["segments"]] == ["clear", "thin", "near_tie", "none"]
    assert found["segments"][0]["support"] == 2721
    assert found["model"] == CRITERIA["model"] | {"age_seconds": 90}


def test_a_report_can_be_of_one_country_or_segmentation():
    assert names(model_report(CRITERIA, "Latvia", None, NOON)) == [("Latvia", "30-60"), ("Latvia", "61-90")]
    assert names(model_report(CRITERIA, "Peru", "recency_segment", NOON)) == [("Peru", "180+")]


def test_a_country_that_the_model_has_not_is_named_with_those_it_has():
    with pytest.raises(StepError, match="--country: the model has Peru, Latvia, not Chile"):
        model_report(CRITERIA, "Chile", None, NOON)
    with pytest.raises(StepError, match="--segment-name: the model has recency_segment, not frequent_segment"):
        model_report(CRITERIA, "Latvia", "frequent_segment", NOON)


@pytest.mark.parametrize(
    ("shares", "bar"),
    [
        ([1.0], "██████████"),
        ([0.5, 0.3, 0.2], "█████▓▓▓▒▒"),
        ([0.4, 0.3, 0.1, 0.1, 0.1], "████▓▓▓▒░░"),
        ([0.96, 0.04], "██████████"),
        ([1 / 3, 1 / 3, 1 / 3], "███▓▓▓▓▒▒▒"),
    ],
)
def test_a_bar_is_divided_by_the_shares(shares: list[float], bar: str):
    assert stacked_bar(shares, 10) == bar


def criteria(cur_date: str, **segments_of: list[str]) -> dict[str, Any]:
    segments = [
        {"country_code": country, "segment_name": name.split()[0], "segment": name.split()[1]}
        for country, names in segments_of.items()
        for name in names
    ]
    return {"model": {"cur_date": cur_date}, "segments": segments}


def test_a_full_run_tells_what_it_no_longer_serves_and_how_that_is_kept(capsys: pytest.CaptureFixture[str]):
    before = criteria("2018-10-01", Peru=["orders 1-4", "churn cold"], Latvia=["orders 1-4", "churn cold"])

    show_left_behind(before, criteria("2018-09-15", Peru=["orders 1-4"]))

    told = " ".join(capsys.readouterr().err.split())
    assert "no longer: the countries Latvia. Name them again with --country, or for every run with --set" in told
    assert "no longer: the segments churn cold. A full run has the deployment's own: change these with --set" in told
    assert "no longer: CUR_DATE 2018-10-01. Name it again with --cur-date, or for every run with --set" in told


def test_a_run_that_serves_all_that_was_served_says_nothing_of_it(capsys: pytest.CaptureFixture[str]):
    before = criteria("2018-09-15", Peru=["orders 1-4"])

    show_left_behind(before, criteria("2018-09-15", Peru=["orders 1-4"], Latvia=["orders 1-4"]))

    assert capsys.readouterr().err == ""
