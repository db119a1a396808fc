"""What is published can be served: the limits of DynamoDB's items, Lambda's answers and Step Functions' states."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import batched
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.models import model_of
from voucher_selection.adapters.answer_sizes import LARGEST_ANSWER, LARGEST_QUALITY, fitting_quality
from voucher_selection.adapters.catalog_items import items_of
from voucher_selection.adapters.item_sizes import LARGEST_ITEM, item_size, value_size
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.servable import MOST_SEGMENTS, check_segments, check_servable
from voucher_selection.api.model_parts import Asked
from voucher_selection.api.model_parts import answered as in_parts
from voucher_selection.api.model_report import model_report
from voucher_selection.contract.limits import MOST_COUNTRIES
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain import errors
from voucher_selection.domain.assignment_costs import AssignmentCost, Given, GivenCustomers
from voucher_selection.domain.kinds import parse_request
from voucher_selection.domain.model import AmountCount, CountryMode, Model, SegmentMode
from voucher_selection.domain.model_document import selection_criteria
from voucher_selection.domain.quality_document import last_months
from voucher_selection.domain.requests import WhatIfRequest
from voucher_selection.domain.segments import SegmentDefinitions, load_definitions, shipped_definitions
from voucher_selection.domain.summaries import AssignSummary, HistorySummary, Outcome, RemodelSummary
from voucher_selection.domain.totals import Totals
from voucher_selection.domain.versions import version_of
from voucher_selection.domain.what_if import SegmentChange

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CUR_DATE = date(2018, 9, 15)
# Of Lambda, and of Step Functions for what a state is given or gives; of DynamoDB's and S3's keys; in bytes.
LAMBDA_ANSWER = 6 * 1024 * 1024
STATE = 256 * 1024
SORT_KEY, PARTITION_KEY, OBJECT_KEY = 1024, 2048, 1024
LONGEST_NAME = "𝌆" * 64
LONGEST_RUN_ID = "r" * 80
# So many amounts with cents, of a few assignments each, fit into an item.
MOST_CENTS = 29_840
MANY_COUNTRIES = tuple(f"{number:03d}" + "𝌆" * 61 for number in range(MOST_COUNTRIES))


def definitions(segments: int) -> SegmentDefinitions:
    ranges = [{"name": f"{number}-{number}", "lower": number, "upper": number} for number in range(segments)]
    return in_segmentations(ranges, ("loyalty", *(f"loyalty_{number}" for number in range(1, 9))))


def in_segmentations(ranges: list[dict[str, object]], names: Iterable[str]) -> SegmentDefinitions:
    """Return definitions of these ranges, as many in each segmentation as one may have."""
    split = [
        {"name": name, "measure": "total_orders", "segments": some, "outside": None}
        for name, some in zip(names, batched(ranges, 1_000, strict=False), strict=False)
    ]
    return SegmentDefinitions.model_validate({"segmentations": split})


def cents(number: int) -> tuple[AmountCount, ...]:
    """Return so many amounts, as different assignments have them."""
    return tuple(AmountCount(1000 + cent / 100, 12) for cent in range(number))


def model(countries: Iterable[str], segments: int, amounts: tuple[AmountCount, ...]) -> Model:
    countries = tuple(countries)
    modes = tuple(
        SegmentMode(country, "loyalty", f"{number}-{number}", number, number, amounts)
        for country in countries
        for number in range(segments)
    )
    return model_of(*modes, countries=countries, definitions=definitions(segments), published_at=NOW)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (None, 1),
        (True, 1),
        ("Peru", 4),
        ("Perú", 5),
        (0, 2),
        (7, 3),
        (2640, 4),
        (Decimal("2640.55"), 5),
        (-1, 4),
        (Decimal("0.5630170316301704"), 10),
        ([], 3),
        ([7, "ab"], 3 + (1 + 3) + (1 + 2)),
        ({"count": 7}, 3 + 1 + 5 + 3),
    ],
    ids=str,
)
def test_values_have_the_sizes_of_dynamodb(value: object, size: int):
    assert value_size(value) == size


def test_an_item_has_the_size_of_its_names_and_values():
    assert item_size({"pk": "MODEL", "segments": 9, "rows": None}) == (2 + 5) + (8 + 3) + (4 + 1)


def test_a_segment_has_as_many_amounts_as_its_item_holds():
    with pytest.raises(errors.TooManyAmounts) as refusal:
        check_servable(model(["Peru"], 1, cents(50_000)))

    assert str(refusal.value) == (
        f"segment 0-0 of loyalty in Peru has 50,000 different voucher amounts, and the catalog holds at most"
        f" {MOST_CENTS:,}: check that the column voucher_amount holds amounts of vouchers, or round them"
    )
    fitting = model(["Peru"], 1, cents(MOST_CENTS))
    check_servable(fitting)
    largest, *_ = items_of(fitting)
    assert LARGEST_ITEM - 100 < item_size(largest) <= LARGEST_ITEM
    with pytest.raises(errors.TooManyAmounts):
        check_servable(model(["Peru"], 1, cents(MOST_CENTS + 1)))


def test_a_country_has_as_many_amounts_as_its_item_holds():
    with pytest.raises(errors.TooManyAmounts, match="^country Peru has 50,000 different voucher amounts, and the"):
        check_servable(replace(model(["Peru"], 1, ()), country_modes=(CountryMode("Peru", cents(50_000)),)))


@pytest.mark.parametrize("amount", [1e308, 1e126, 1e-131, 5e-324, float("inf"), float("nan")])
def test_an_amount_that_is_no_number_of_dynamodb_is_named(amount: float):
    with pytest.raises(
        errors.AmountOutOfRange, match=r"segment 0-0 of loyalty in Peru has a voucher amount of .*voucher_amount"
    ):
        check_servable(model(["Peru"], 1, (AmountCount(2640.0, 2), AmountCount(amount, 1))))


def test_amounts_up_to_the_numbers_of_dynamodb_can_be_served():
    check_servable(model(["Peru"], 1, tuple(AmountCount(amount, 1) for amount in (0.0, 1e-130, 1e15, 9.99e125))))


def test_a_run_names_300_countries_at_most():
    asked = {"source": "s3://bucket/x"}
    many = [f"Country {number}" for number in range(5_000)]

    for mode in ("full", "append"):
        assert len(parse_request(asked | {"mode": mode, "countries": many[:300]}).countries) == 300
        with pytest.raises(errors.InvalidRequest, match="countries: expected at most 300 countries, got 5,000"):
            parse_request(asked | {"mode": mode, "countries": many})


def test_more_segments_than_the_api_reads_are_refused_before_they_are_made():
    many = [f"Country {number}" for number in range(5_000)]

    with pytest.raises(
        errors.ModelTooLarge,
        match=r"expected at most 5,000 segments, got 5,000 countries x 9 segments = 45,000: name fewer",
    ):
        check_segments(many, definitions(9))
    check_segments(many[:MOST_COUNTRIES], shipped_definitions())
    check_segments(["Peru"], definitions(MOST_SEGMENTS))
    with pytest.raises(errors.ModelTooLarge, match="1 countries x 5,001 segments"):
        check_segments(["Peru"], definitions(MOST_SEGMENTS + 1))


def test_names_that_do_not_fit_into_the_item_of_a_version_are_refused():
    ranges = [{"name": f"{n}" + "𝌆" * 60, "lower": n, "upper": n} for n in range(1_600)]
    made = in_segmentations(ranges, (LONGEST_NAME, LONGEST_NAME[1:]))
    modes = tuple(
        SegmentMode("Peru", segmentation.name, name, *bounds, ())
        for segmentation in made.segmentations
        for name, bounds in segmentation.bounds.items()
    )

    with pytest.raises(errors.ModelTooLarge, match=r"expected at most 400,000 bytes in the catalog .* for 1 countries"):
        check_servable(model_of(*modes, definitions=made))


def answered(content: object) -> int:
    """Return the bytes of an answer of Lambda with this body."""
    return len(json.dumps({"statusCode": 200, "multiValueHeaders": {}, "body": json.dumps(content)}))


def parts(large: Model, describe: Callable[[Model], Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the parts of an answer, from a catalog that has all amounts of the model."""
    catalog: Any = SimpleNamespace(with_all_amounts=lambda model, first, end: [*model.entries[first:end]])
    start = 0
    while True:
        yield (answer := in_parts(Asked(large, start), catalog, describe))
        if "next" not in answer:
            return
        start = int(parse_qs(answer["next"].removeprefix("?"))["start"][0])


@pytest.mark.parametrize(
    ("countries", "segments", "amounts"),
    [(("Peru",), 10, 11_500), (("Peru",), 2, 29_000), (MANY_COUNTRIES, 16, 13), (MANY_COUNTRIES[:9], 1, 5)],
    ids=["amounts", "amounts of a segment", "countries", "long names"],
)
def test_lambda_answers_every_part_of_a_model_that_can_be_served(countries: tuple[str, ...], segments, amounts):
    large = model(countries, segments, cents(amounts))
    check_servable(large)

    found = list(parts(large, selection_criteria))

    assert [segment for part in found for segment in part["segments"]] == selection_criteria(large)["segments"]
    assert max(map(answered, found)) < LAMBDA_ANSWER
    assert min(map(answered, found[:-1]), default=LARGEST_ANSWER) > LARGEST_ANSWER * 0.4


@pytest.mark.parametrize(
    ("countries", "segments", "amounts"), [(1, MOST_SEGMENTS, 16), (MOST_COUNTRIES, 16, 17), (1, 1, 29_000)]
)
def test_lambda_answers_the_analysis_with_how_good_the_model_is(countries: int, segments: int, amounts: int):
    largest = model([f"Country {number}" for number in range(countries)], segments, cents(amounts))
    check_servable(largest)

    months = [f"20{year}-{month:02d}" for year in range(10, 20) for month in range(1, 13)]
    assignments = [{"voucher_amount": 1234.5, "count": 1_000_000}] * 8
    month = {"support": 1, "voucher_amount": 1.0, "amounts": assignments, "others": 0, "change": "shift"}
    over_time = [{"segment": "1-4", "months": [{"month": name, **month} for name in months]}] * 100
    agreement = {"support": 1, "segments": 0.5, "country": 0.5}
    of_one = {
        "country_code": "Peru",
        "segment_name": "s",
        "agreement": agreement,
        "backtest": [],
        "over_time": over_time,
    }
    quality: Any = {"segmentations": [of_one], "countries": []}

    fitting = fitting_quality(quality)
    shown = [len(segment["months"]) for segment in fitting["segmentations"][0]["over_time"]]
    first, *_ = parts(largest, lambda part: model_report(part, fitting, NOW))

    assert fitting == last_months(quality, shown[0])
    assert 0 < shown[0] < 120
    assert LARGEST_QUALITY * 0.4 < answered(fitting) <= LARGEST_QUALITY * 1.01
    assert len(first["segments"]) > 0
    assert answered(first) < LAMBDA_ANSWER
    small: Any = {"segmentations": [{**of_one, "over_time": over_time[:5]}], "countries": []}
    assert fitting_quality(small) == small


def test_an_input_that_no_state_could_be_given_is_refused_with_its_length():
    ranges = [{"name": f"{n}-{n}", "lower": n, "upper": n} for n in range(24_000)]
    by_orders = {"name": "loyalty", "measure": "total_orders", "segments": ranges, "outside": None}
    deep = "x"
    for _ in range(100_000):
        deep = [deep]

    for request in ({"segments": {"segmentations": [by_orders]}}, {"source": "s3://" + "x" * 200_000}):
        for parse in (parse_request, WhatIfRequest.parse):
            with pytest.raises(
                errors.InvalidRequest, match=r"expected at most 200,000 characters of JSON .*, got [\d,]+"
            ):
                parse(request)
    with pytest.raises(errors.InvalidRequest, match="cannot be read"):
        parse_request({"source": deep})


def bytes_of(content: object) -> int:
    """Return the bytes that Step Functions counts."""
    return len(json.dumps(content, ensure_ascii=False).encode())


def test_the_results_of_runs_of_many_countries_fit_into_a_state():
    named = {"country_code": LONGEST_NAME, "segment_name": LONGEST_NAME, "segment": LONGEST_NAME}
    amounts = dict.fromkeys(("served_amount", "amount"), 0.5630170316301704) | dict.fromkeys(
        ("served_support", "support"), 2**53
    )
    told = {"started_at": NOW, "finished_at": NOW, "cur_date": CUR_DATE, "version": version_of(NOW, LONGEST_RUN_ID)}
    remodelled = RemodelSummary(
        run_id=LONGEST_RUN_ID,
        outcome=Outcome.PUBLISHED,
        counts_run_id=LONGEST_RUN_ID,
        countries=MANY_COUNTRIES,
        published=True,
        served_version=None,
        changed_segments=5_000,
        changes=(SegmentChange(**named, **amounts),) * 100,
        **told,
    )
    whole = HistorySummary(
        run_id=LONGEST_RUN_ID,
        mode="full",
        outcome=Outcome.PUBLISHED,
        source="s3://" + "𝌆" * 1024,
        countries=MANY_COUNTRIES,
        files=1,
        known_files=0,
        shards=1,
        rows=Totals(),
        base_run_id=None,
        published=True,
        served_version="",
        **told,
    )

    assert bytes_of(remodelled.model_dump(mode="json")) < STATE
    assert bytes_of(whole.model_dump(mode="json")) < STATE


def test_the_result_of_a_run_that_assigns_in_many_segments_fits_into_a_state():
    given = {
        Given(country, LONGEST_NAME, f"{segment}{LONGEST_NAME}"[:64], "country", 0.5630170316301704): 2**53
        for country in MANY_COUNTRIES
        for segment in range(10)
    }
    cost = AssignmentCost.of(GivenCustomers.of(given), dict.fromkeys(MANY_COUNTRIES, 0.5630170316301704))
    summary = AssignSummary(
        run_id=LONGEST_RUN_ID,
        customers="s3://" + "𝌆" * 1024,
        segment_name=LONGEST_NAME,
        files=1,
        shards=1,
        output="s3://bucket/x",
        cost=cost.shortened(),
        started_at=NOW,
        finished_at=NOW,
        version=version_of(NOW, LONGEST_RUN_ID),
    )

    assert (summary.cost.all_countries, summary.cost.all_amounts) == (300, 3_000)
    assert bytes_of(summary.model_dump(mode="json")) < STATE


def test_an_error_says_no_more_than_a_cause_may_have():
    columns = ", ".join(f"column {number}" for number in range(10_000))

    message = str(errors.WrongSchema(f"unknown: {columns}"))

    assert message.startswith("unknown: column 0, column 1")
    assert message.endswith("… (120,897 characters more)")
    assert len(json.dumps({"errorMessage": message, "errorType": "WrongSchema"})) < 32 * 1024
    assert str(errors.WrongSchema("short")) == "short"


def test_keys_of_the_longest_names_are_not_too_long():
    assert len("#".join([LONGEST_NAME] * 3).encode()) <= SORT_KEY
    assert len(f"VERSION#{version_of(NOW, LONGEST_RUN_ID)}") <= SORT_KEY < PARTITION_KEY
    keys = RunKeys(LONGEST_RUN_ID)
    longest = [*keys.counts(99_999), *keys.merged_counts, *(keys.quarantine(rule, 99_999) for rule in Rule)]
    assert max(map(len, longest)) <= OBJECT_KEY


@pytest.mark.parametrize("which", ["lower", "upper"])
@pytest.mark.parametrize("bound", [2**53 + 1, 2**63, 10**400])
def test_a_bound_beyond_all_whole_numbers_is_named(which: str, bound: int):
    segment = {"name": "many", "lower": 0, "upper": None} | ({"upper": bound} if which == "upper" else {"lower": bound})
    text = json.dumps(
        {"segmentations": [{"name": "loyalty", "measure": "total_orders", "segments": [segment], "outside": None}]}
    )

    with pytest.raises(errors.InvalidSegments, match=rf"segment 'many': {which} is \d+, expected whole numbers up to"):
        load_definitions(text)
    with pytest.raises(errors.InvalidRequest, match=rf"segments.*segment 'many': {which} is \d+"):
        parse_request({"mode": "remodel", "segments": json.loads(text)})


def test_bounds_up_to_the_largest_whole_number_are_taken():
    segments = [{"name": "all", "lower": -(2**53), "upper": 2**53}]
    one = {"name": "loyalty", "measure": "days_since_last_order", "segments": segments, "outside": None}

    assert load_definitions(json.dumps({"segmentations": [one]}))["loyalty"].segment_for(2**53) == "all"
