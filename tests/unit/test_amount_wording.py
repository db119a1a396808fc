"""Amounts as people read them: whole, in messages, on pages and in the terminal."""

import pytest

from local.quickstart.machine.terminal import console
from local.quickstart.shown import model as model_report
from local.quickstart.shown import run as shown_run
from local.quickstart.shown.lookup import show_voucher
from voucher_selection.api import charts
from voucher_selection.domain.model import AmountCount, CountryMode
from voucher_selection.domain.wording import amount


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2640.0, "2640"),
        (12345.67, "12345.67"),
        (1_234_567.0, "1234567"),
        (1_234_567.89, "1234567.89"),
        (123_456_789_012.34, "123456789012.34"),
        (1e15, "1000000000000000"),
        (0.1 + 0.2, "0.3"),
        (0.00001, "0.00001"),
        (1e300, "1e+300"),
        (1e-300, "1e-300"),
    ],
)
def test_an_amount_is_not_rounded(value: float, text: str):
    assert amount(value) == text


SEGMENT = {
    "country_code": "Peru",
    "segment_name": "frequent_segment",
    "segment": "1-4",
    "support": 5,
    "assignments": [{"voucher_amount": 1_234_567.0, "count": 3}, {"voucher_amount": 1_234_568.5, "count": 2}],
}
MODEL = {
    "version": "v1",
    "cur_date": "2018-09-15",
    "window": {},
    "published_at": "2018-09-15T11:58:30+00:00",
    "age_seconds": 1,
    "quality": None,
}


def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, show, *arguments) -> str:
    monkeypatch.setattr(console, "width", 160)
    show(*arguments)
    return capsys.readouterr().out


def test_the_terminal_tells_neighbouring_amounts_apart(capsys, monkeypatch):
    served = printed(capsys, monkeypatch, model_report.show_segments, {"model": MODEL, "segments": [SEGMENT]})
    shown = MODEL | {"segments": [SEGMENT | {"evidence": "thin"}]}
    distribution = printed(capsys, monkeypatch, model_report.show_report, shown)

    assert "1234567 " in served
    assert "1234568.5 at 40.0%" in served
    assert "1234567 " in distribution
    assert "1234568.5 40.0%" in distribution


def test_a_lookup_in_the_terminal_has_the_whole_amount(capsys, monkeypatch):
    answer = {"customer_id": 1, "voucher_amount": 12345.67, "basis": "segment", "share": 0.6, "model": MODEL} | {
        name: SEGMENT[name] for name in ("country_code", "segment_name", "segment", "support")
    }

    assert "a voucher of 12345.67:" in printed(capsys, monkeypatch, show_voucher, answer)


@pytest.mark.parametrize(
    ("segment", "why"), [("1-4", "segment 1-4 has too little support"), (None, "the customer is in no segment")]
)
def test_a_lookup_in_the_terminal_says_where_the_country_answers(segment: str | None, why: str, capsys, monkeypatch):
    found = {"customer_id": None, "voucher_amount": 2640.0, "basis": "country", "support": 6_504, "share": 0.535}
    where = {"country_code": "Peru", "segment_name": "frequent_segment", "segment": segment}

    told = printed(capsys, monkeypatch, show_voucher, found | where | {"model": MODEL})

    assert "gets a voucher of 2640: the amount used most in Peru, 53.5% of 6,504." in told
    assert f"The country's amount: {why} of frequent_segment." in told


def test_a_remodel_in_the_terminal_has_the_whole_amounts(capsys, monkeypatch):
    change = {name: SEGMENT[name] for name in ("country_code", "segment_name", "segment")}
    summary = {
        "counts_run_id": "run-1",
        "cur_date": "2018-09-15",
        "changed_segments": 1,
        "changes": [change | {"served_amount": 1_234_567.0, "amount": 1_234_568.0}],
        "served_version": "v1",
        "outcome": "published",
    }

    assert "1-4: 1234567 -> 1234568\n" in printed(capsys, monkeypatch, shown_run.show_remodel, summary)


def test_a_chart_has_the_whole_amounts():
    bars = charts.distribution(CountryMode("Peru", (AmountCount(1_234_567.0, 3), AmountCount(12_345.67, 2))))

    assert [bar.label for bar in bars] == ["1234567", "12345.67"]
