"""What the counts of a segment's amounts say about its mode."""

import pytest

from voucher_selection.domain.evidence import LOW_SUPPORT, Evidence, evidence_of


def test_the_sample_s_largest_segment_is_clear():
    assert evidence_of([1535, 596, 590]) is Evidence.CLEAR


def test_without_assignments_there_is_no_evidence():
    assert evidence_of([]) is Evidence.NONE


def test_fewer_than_thirty_assignments_are_thin_however_they_agree():
    assert LOW_SUPPORT == 30
    assert evidence_of([29]) is Evidence.THIN
    assert evidence_of([28, 1]) is Evidence.THIN
    assert evidence_of([30]) is Evidence.CLEAR
    assert evidence_of([29, 1]) is Evidence.CLEAR


def test_thin_evidence_is_thin_also_where_it_is_a_tie():
    assert evidence_of([14, 14]) is Evidence.THIN


# Of 100 assignments, 3.84 * 100 = 384 lies between 19² and 20².
@pytest.mark.parametrize(
    ("counts", "evidence"),
    [
        ([50, 50], Evidence.NEAR_TIE),
        ([59, 41], Evidence.NEAR_TIE),  # 18² = 324
        ([60, 40], Evidence.CLEAR),  # 20² = 400
        ([5098, 4902], Evidence.CLEAR),  # 196² = 38,416, and 3.84 * 10,000 = 38,400
        ([5097, 4903], Evidence.NEAR_TIE),  # 194² = 37,636
    ],
)
def test_leading_counts_within_sampling_noise_are_a_near_tie(counts: list[int], evidence: Evidence):
    assert evidence_of(counts) is evidence


def test_a_difference_of_exactly_the_threshold_is_clear():
    assert evidence_of([87, 63]) is Evidence.CLEAR  # 24² = 576 = 3.84 * 150
    assert evidence_of([86, 64]) is Evidence.NEAR_TIE


def test_only_the_two_leading_amounts_decide():
    assert evidence_of([60, 40, 40, 40]) is Evidence.CLEAR
    assert evidence_of([50, 45, 1]) is Evidence.NEAR_TIE
