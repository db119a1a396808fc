"""The readers of `model.json` on the how-to answer every customer as the API does."""

import json
import re
import unicodedata
from collections import Counter
from random import Random
from typing import Any

import pytest

from benchmarks.contenders.offline_readers import READERS, code_of, python_reader, run_node
from benchmarks.json_customers import asked_customers
from benchmarks.readers import in_ours
from tests.given_vouchers import SEGMENTATIONS
from tests.models import model_of
from voucher_selection.adapters.answer_sizes import LARGEST_ANSWER, answer_size
from voucher_selection.adapters.servable import MOST_SEGMENTS
from voucher_selection.domain.country_keys import country_key
from voucher_selection.domain.fallbacks import ONLY_SEGMENTS, Fallback
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import AmountCount, CountryMode, Model, SegmentMode
from voucher_selection.domain.offline_model import offline_model
from voucher_selection.domain.segments import Segment, Segmentation, SegmentDefinitions, shipped_definitions
from voucher_selection.domain.white_space import BLANKS, SPACES

MOST_LINES = 60
CUSTOMERS = 5_000
COUNTRIES = ("Peru", "Türkiye", "Costa Rica", "Straße ΟΔΟΣ", "İstanbul", "Latvia")
SHIPPED = shipped_definitions().segmentations
# Bounds for which the calendar has no day.
FAR = Segmentation(
    name="far",
    measure=Measure.DAYS_SINCE_LAST_ORDER,
    segments=(
        Segment(name="future", lower=-(2**53), upper=-1),
        Segment(name="past", lower=0, upper=3_000_000),
        Segment(name="never", lower=3_000_001, upper=None),
    ),
    outside=None,
)
FAR_MONTHS = FAR.model_copy(update={"name": "far_months", "measure": Measure.MONTHS_SINCE_FIRST_ORDER})


def a_model(seed: int, *segmentations: Segmentation, **facts: Any) -> Model:
    """Return a model in which some segments, and a country, have no support."""
    random, definitions = Random(seed), SegmentDefinitions(segmentations=segmentations)

    def amounts() -> tuple[AmountCount, ...]:
        counts = sorted((random.randrange(1, 60) for _ in range(random.randrange(4))), reverse=True)
        return tuple(AmountCount(random.choice((2640.0, 3520.5, 0.1)), count) for count in counts)

    modes = [
        SegmentMode(country, segmentation.name, segment, *bounds, amounts())
        for country in COUNTRIES
        for segmentation in segmentations
        for segment, bounds in segmentation.bounds.items()
    ]
    of_countries = [CountryMode(country, (AmountCount(2640.0, 70),)) for country in COUNTRIES[:-1]]
    usual = {"countries": COUNTRIES, "country_modes": (*of_countries, CountryMode("Latvia", ()))}
    return model_of(*modes, definitions=definitions, **usual | facts)


STAGES = [
    (a_model(1, *SHIPPED), ONLY_SEGMENTS),
    (a_model(2, *SHIPPED, *SEGMENTATIONS, time_zone="Europe/Riga"), Fallback("country", 30)),
    (a_model(3, *SEGMENTATIONS, FAR, FAR_MONTHS, time_zone="America/Lima"), Fallback("country", 1)),
    # An older version made it.
    (a_model(4, *SHIPPED, time_zone="Asia/Kathmandu", country_modes=()), Fallback("none", 5)),
]
DOCUMENTS = [json.loads(json.dumps(offline_model(*stage))) for stage in STAGES]


KINDS = ("segment", "country", "invalid_request", "unknown_country", "no_segment", "no_support")


def test_both_readers_answer_every_customer_as_the_api_does():
    kinds = Counter[str]()
    for place, stage in enumerate(STAGES):
        asked = list(asked_customers(stage[0], CUSTOMERS, seed=place))
        expected = in_ours(*stage, asked).answers
        kinds.update(answer.get("problem") or answer["basis"] for answer in expected)
        for answer in READERS.values():
            found = answer(DOCUMENTS[place], asked).answers
            assert [each for each in zip(asked, expected, found, strict=True) if each[1] != each[2]][:5] == []

    assert min(kinds[kind] for kind in KINDS) > 100


def test_white_space_is_what_lookups_ignore():
    texts = DOCUMENTS[0]["texts"]
    letters = [chr(code) for code in range(0x10000) if not 0xD800 <= code < 0xE000]

    assert {letter for letter in letters if re.fullmatch(texts["blanks"], letter)} == set(BLANKS)
    assert {letter for letter in letters if not re.fullmatch(texts["name"], letter)} == set(SPACES)


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_a_reader_is_short_enough_to_be_read(language: str):
    assert len([line for line in code_of(language).splitlines() if line]) <= MOST_LINES


def test_the_python_reader_takes_numbers_that_javascript_does_not_have():
    read = python_reader(DOCUMENTS[0])
    base = {"country_code": "Peru", "segment_name": "frequent_segment", "total_orders": 3}
    for odd in ({"customer_id": 1.0}, {"customer_id": 10**30}, {"total_orders": 2**53 + 1}, {"total_orders": 10**400},
                {"total_orders": 3.0}, {"total_orders": float("nan")}, {"least_support": float("inf")}):  # fmt: skip
        assert [read(base | odd)] == in_ours(*STAGES[0], [base | odd]).answers, odd


def test_the_javascript_reader_folds_every_letter_as_a_lookup_does():
    # No letters above have a case.
    letters = [chr(code) for code in range(0x1F000) if not 0xD800 <= code < 0xE000]
    key = "console.log(JSON.stringify(JSON.parse(text).map((letter) => model.key(`x${letter}y`))));"
    text = 'import fs from "node:fs"; const text = fs.readFileSync(0, "utf8"); '
    model = f"const model = new OfflineModel({json.dumps(DOCUMENTS[0])}); "
    program = code_of("javascript") + text + model + key
    keys = json.loads(run_node("--input-type=module", "--eval", program, given=json.dumps(letters)))

    by_key: dict[str, set[str]] = {}
    by_folded: dict[str, set[str]] = {}
    for letter, folded in zip(letters, keys, strict=True):
        by_key.setdefault(country_key(f"x{letter}y"), set()).add(letter)
        by_folded.setdefault(folded, set()).add(letter)
    alike = {frozenset(found) for found in by_key.values() if len(found) > 1}

    assert len(alike) > 1_300
    # Node knows a newer Unicode, and letters that Python's has not.
    assert alike == {known for found in by_folded.values() if len(known := frozenset(filter(_is_known, found))) > 1}


def _is_known(letter: str) -> bool:
    return unicodedata.category(letter) != "Cn"


def test_the_largest_model_fits_into_one_answer():
    ranges = tuple(Segment(name=f"{place:04}" + "é" * 60, lower=place, upper=place) for place in range(1_000))
    segmentations = [
        Segmentation(name=f"s{n}" + "é" * 60, measure=Measure.TOTAL_ORDERS, segments=ranges, outside=None)
        for n in range(5)
    ]
    amounts = (AmountCount(123456.789012, 123_456), AmountCount(1.0, 120_001))
    modes = [
        SegmentMode("Peru", s.name, each.name, each.lower, each.upper, amounts)
        for s in segmentations
        for each in ranges
    ]
    assert len(modes) == MOST_SEGMENTS
    model = model_of(*modes, definitions=SegmentDefinitions(segmentations=tuple(segmentations)))

    assert answer_size(offline_model(model)) < LARGEST_ANSWER / 2
