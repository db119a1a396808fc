"""What the quickstart shows of models."""

from typing import Any

import pytest

from local.quickstart.machine.steps import StepError
from local.quickstart.shown.model import filtered, show_left_behind, stacked_bar


def segment(country: str, segment_name: str, name: str) -> dict[str, Any]:
    return {"country_code": country, "segment_name": segment_name, "segment": name}


REPORT = {
    "version": "v1",
    "segments": [
        segment("Peru", "frequent_segment", "1-4"),
        segment("Peru", "recency_segment", "180+"),
        segment("Latvia", "recency_segment", "30-60"),
        segment("Latvia", "recency_segment", "61-90"),
    ],
    "quality": {
        "segmentations": [
            {"country_code": "Peru", "segment_name": "frequent_segment"},
            {"country_code": "Peru", "segment_name": "recency_segment"},
            {"country_code": "Latvia", "segment_name": "recency_segment"},
        ],
        "countries": [{"country_code": "Peru"}, {"country_code": "Latvia"}],
    },
}


def names(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(told["country_code"], told["segment"]) for told in report["segments"]]


def test_a_report_can_be_of_one_country_or_segmentation():
    assert filtered(REPORT, None, None) == REPORT
    assert names(filtered(REPORT, "Latvia", None)) == [("Latvia", "30-60"), ("Latvia", "61-90")]
    assert names(filtered(REPORT, " PERU ", "recency_segment")) == [("Peru", "180+")]
    assert filtered(REPORT, "Latvia", None)["quality"] == {
        "segmentations": [{"country_code": "Latvia", "segment_name": "recency_segment"}],
        "countries": [{"country_code": "Latvia"}],
    }
    assert filtered(REPORT | {"quality": None}, "Peru", None)["quality"] is None


def test_a_country_that_the_model_has_not_is_named_with_those_it_has():
    with pytest.raises(StepError, match="--country: the model has Peru, Latvia, not Chile"):
        filtered(REPORT, "Chile", None)
    with pytest.raises(StepError, match="--segment-name: the model has recency_segment, not frequent_segment"):
        filtered(REPORT, "Latvia", "frequent_segment")


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

    show_left_behind(before, criteria("2018-09-15", PERU=["orders 1-4"], Latvia=["orders 1-4"]))

    assert capsys.readouterr().err == ""
