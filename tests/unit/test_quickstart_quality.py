"""What the quickstart shows of how good a model is."""

from typing import Any

import pytest

from local.quickstart.machine.terminal import console
from local.quickstart.shown.quality import show_best_ranges, show_months, show_quality


def month(name: str, amount: float, change: str | None = None) -> dict[str, Any]:
    return {"month": name, "support": 9, "voucher_amount": amount, "amounts": [], "others": 0, "change": change}


def of_test(name: str, segments: float, country: float) -> dict[str, Any]:
    return {"month": name, "tested": 9, "segments": segments, "country": country, "unanswered": 0}


QUALITY: Any = {
    "segmentations": [
        {
            "country_code": "Peru",
            "segment_name": "lapse_segment",
            "agreement": {"support": 33_532, "segments": 0.5724, "country": 0.5351},
            "backtest": [of_test("2018-06", 0.5, 0.6), of_test("2018-07", 0.45, 0.43)],
            "over_time": [
                {"segment": "30-60", "months": [month("2018-05", 2640.0), month("2018-07", 3520.0, "own")]},
                {"segment": "91-120", "months": [month("2018-06", 2640.0), month("2018-07", 4400.0, "shift")]},
            ],
        }
    ],
    "countries": [],
}


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(console, "width", 160)

    def of(show: Any, *arguments: Any) -> list[list[str]]:
        show(*arguments)
        return [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]

    return of


def test_a_segmentation_is_worth_the_points_that_it_is_better_than_one_amount(lines):
    said = lines(show_quality, QUALITY)

    assert ["Peru", "lapse_segment", "33,532", "57.2", "%", "53.5", "%", "+3.7", "2018-07:", "+2.0"] in said
    assert "need not work best." in " ".join(said[-1])


def test_by_month_a_change_has_its_cause_and_a_month_without_vouchers_a_dash(lines):
    said = lines(show_months, QUALITY)

    assert ["Segment", "2018-05", "2018-06", "2018-07"] in said
    assert ["30-60", "2640", "-", "3520*"] in said
    assert ["91-120", "-", "2640", "4400~"] in said
    assert ["Segments", "-", "50.0", "%", "45.0", "%"] in said
    assert ["One", "amount", "-", "60.0", "%", "43.0", "%"] in said


def test_best_ranges_have_the_amounts_of_each_country(lines):
    modes = [{"country_code": name, "voucher_amount": amount} for name, amount in (("Peru", 2640.0), ("Latvia", None))]
    ranges = [{"segment": "1-4", "modes": modes}, {"segment": "5+", "modes": modes}]
    found = {"most_ranges": 2, "ranges": ranges, "reproduced": 19_533, "agreement": 0.5353, "last_month": None}
    answer = {"measure": "total_orders", "countries": ["Peru", "Latvia"], "support": 36_490, "found": [found]}

    said = lines(show_best_ranges, answer)

    assert ["2", "1-4:", "2640", "/", "-;", "5+:", "2640", "/", "-", "19,533", "53.5", "%", "-"] in said
