"""The quality gate: each threshold lets pass what keeps to it, and names what does not."""

import pytest
from pydantic import ValidationError

from tests.models import model_of
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.errors import HeldBack
from voucher_selection.domain.gate import Thresholds, check
from voucher_selection.domain.model import AmountCount, CountsOrigin, Model, SegmentMode
from voucher_selection.domain.totals import Totals


def rows(kept: int, *, other_country: int = 0, **rejected: int) -> Totals:
    counts = dict.fromkeys(Rule, 0) | {Rule(rule): count for rule, count in rejected.items()}
    read = kept + other_country + sum(counts.values())
    return Totals(rows_read=read, other_country=other_country, rejected=counts, kept=kept)


def mode(segment: str, *counts: tuple[float, int], country: str = "Peru") -> SegmentMode:
    return SegmentMode(country, "frequent_segment", segment, 1, 4, tuple(AmountCount(*count) for count in counts))


def served_model(of_rows: Totals | None, *modes: SegmentMode) -> Model:
    return model_of(*modes, counts=CountsOrigin("run", of_rows))


def held_back(modes=(), of_rows=None, served=None, **thresholds) -> str:
    """Why the gate holds a model back; empty where it lets it pass."""
    try:
        check(modes, of_rows, served, Thresholds(**thresholds))
    except HeldBack as error:
        return str(error).partition(": ")[2]
    return ""


def test_without_thresholds_everything_passes():
    served = served_model(rows(100), mode("1-4", (1.0, 100)))

    assert held_back([mode("1-4")], rows(1, malformed=99), served) == ""


def test_malformed_rows_are_a_share_of_those_of_the_countries():
    told = "20.00% of the rows are malformed (most_malformed_share 19.00%)"

    assert held_back((), rows(80, other_country=900, malformed=20), most_malformed_share=0.19) == told
    assert held_back((), rows(80, other_country=900, malformed=20), most_malformed_share=0.2) == ""


def test_a_history_of_other_countries_only_has_no_share():
    assert held_back((), rows(0, other_country=5), most_malformed_share=0.0, most_rejected_rise=0.0) == ""


def test_too_few_kept_rows_are_named():
    assert held_back((), rows(999), least_kept_rows=1_000) == "999 rows were kept (least_kept_rows 1,000)"
    assert held_back((), rows(1_000), least_kept_rows=1_000) == ""


def test_each_rule_is_compared_with_the_served_model_s_rows():
    before = served_model(rows(90, null_total_orders=10))
    now = rows(50, null_total_orders=21, last_before_first=29)

    assert held_back((), now, before, most_rejected_rise=0.2) == (
        "29.00% of the rows are rejected as last_before_first, up from 0.00% for the served model"
        " (most_rejected_rise 20.00%)"
    )
    assert held_back((), now, before, most_rejected_rise=0.29) == ""
    assert held_back((), now, None, most_rejected_rise=0.0) == ""
    assert held_back((), None, before, most_rejected_rise=0.0) == ""


def test_segments_that_lose_all_support_are_counted_and_named():
    served = served_model(None, mode("1-4", (1.0, 5)), mode("5-13", (1.0, 5)), mode("14-37"), mode("gone", (1.0, 5)))
    modes = [mode("1-4"), mode("5-13"), mode("14-37")]

    assert held_back(modes, None, served, most_lost_segments=1) == (
        "segments that lost support: Peru frequent_segment 1-4, Peru frequent_segment 5-13 (most_lost_segments 1)"
    )
    assert held_back(modes, None, served, most_lost_segments=2) == ""


def test_segments_are_compared_whatever_the_models_spell_the_country_like():
    served = served_model(None, mode("1-4", (1.0, 5)), mode("5-13", (1.0, 5)))
    lost = [mode("1-4", country="PERU"), mode("5-13", (1.0, 5), country="PERU")]
    changed = [mode("1-4", (2.0, 5), country="PERU"), mode("5-13", (1.0, 5), country="PERU")]

    assert held_back(lost, None, served, most_lost_segments=0) == (
        "segments that lost support: PERU frequent_segment 1-4 (most_lost_segments 0)"
    )
    assert held_back(changed, None, served, least_support_of_change=6).startswith(
        "PERU frequent_segment 1-4 would change from 1 to 2"
    )


def test_an_amount_that_changes_on_thin_support_is_named():
    served = served_model(None, mode("1-4", (2640.0, 50)), mode("5-13", (1.5, 50)), mode("14-37"))
    modes = [mode("1-4", (3520.0, 5), (2640.0, 4)), mode("5-13", (1.5, 1)), mode("14-37", (7.0, 1))]

    assert held_back(modes, None, served, least_support_of_change=10) == (
        "Peru frequent_segment 1-4 would change from 2640 to 3520 with a support of 9 (least_support_of_change 10)"
    )
    assert held_back(modes, None, served, least_support_of_change=9) == ""


def test_amounts_that_change_are_told_whole():
    served = served_model(None, mode("1-4", (1_234_567.0, 50)), mode("5-13", (12_345.61, 50)))
    modes = [mode("1-4", (1_234_568.0, 5)), mode("5-13", (12_345.62, 5))]

    told = held_back(modes, None, served, least_support_of_change=10)

    assert "would change from 1234567 to 1234568 with" in told
    assert "would change from 12345.61 to 12345.62 with" in told


def test_shares_are_told_with_the_decimals_that_tell_them_apart():
    assert held_back((), rows(99_987, malformed=13), most_malformed_share=0.00012) == (
        "0.013% of the rows are malformed (most_malformed_share 0.012%)"
    )
    before = served_model(rows(90_000, null_total_orders=10_000))
    assert held_back((), rows(79_999, null_total_orders=20_001), before, most_rejected_rise=0.1) == (
        "20.001% of the rows are rejected as null_total_orders, up from 10.000% for the served model"
        " (most_rejected_rise 10.000%)"
    )


def test_all_reasons_are_told_at_once():
    told = held_back((), rows(1, malformed=1), least_kept_rows=2, most_malformed_share=0.0)

    assert told.count(";") == 1


def test_a_run_s_own_thresholds_go_before_those_of_the_stage():
    stage = Thresholds(most_malformed_share=0.1, least_kept_rows=5)

    assert stage.with_those_of(None) == stage
    assert stage.with_those_of(Thresholds(least_kept_rows=None)) == Thresholds(most_malformed_share=0.1)
    assert stage.with_those_of(Thresholds(most_lost_segments=0)) == Thresholds(
        most_malformed_share=0.1, least_kept_rows=5, most_lost_segments=0
    )


@pytest.mark.parametrize(
    "given", [{"most_malformed_share": 1.1}, {"least_kept_rows": 0}, {"most_lost_segments": -1}, {"most": 1}]
)
def test_a_threshold_that_cannot_be_is_refused(given):
    with pytest.raises(ValidationError):
        Thresholds.model_validate(given)
