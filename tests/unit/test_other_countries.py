"""Rows of other countries are listed by name, so that a misspelt country is seen, in bounded space."""

import io
import json
import random
import unicodedata
from collections import Counter
from itertools import batched

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ended_runs import run_of
from tests.histories import history, parquet_bytes
from voucher_selection.adapters.parquet.columns import RowGroups
from voucher_selection.api import pages
from voucher_selection.domain.country_keys import country_key
from voucher_selection.domain.other_countries import NO_COUNTRY, OtherCountry, listed, listed_name, resembling, summed
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.domain.totals import Totals
from voucher_selection.pipeline.counting import clean_batches

EXAMPLES = settings(max_examples=200, deadline=None, derandomize=True)
PERU = Reading(("Peru",))
NAMES = st.sampled_from(["Chile", "CHILE", " chile ", "Perú", "Peru\u0301", "PERÚ", "Peru", "Latvia", "", " ", None])


def totals_of(content: bytes, batch_rows: int = 10_000, reading: Reading = PERU) -> Totals:
    row_groups = RowGroups(0, pq.read_metadata(io.BytesIO(content)).num_row_groups, 0)
    return Totals.sum(b.totals for b in clean_batches(lambda: io.BytesIO(content), row_groups, reading, batch_rows))


def of_countries(*names: str | None) -> pa.Table:
    return history(*({"country_code": name} for name in names))


# Names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Chile", "Chile"),
        ("\u00a0 Chile\n", "Chile"),
        ("Peru\u0301", "Perú"),
        (None, NO_COUNTRY),
        ("", NO_COUNTRY),
        ("\t\u3000", NO_COUNTRY),
        ("\x1b[31mChile\x00", "\ufffd[31mChile\ufffd"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "x" * 63 + "…"),
        ("x" * 100_000, "x" * 63 + "…"),
    ],
)
def test_a_name_is_as_in_the_file_but_trimmed_composed_and_safe_to_show(text: str | None, name: str):
    assert listed_name(text) == name


@given(st.text())
def test_a_name_is_never_empty_long_or_able_to_steer_a_terminal(text: str):
    name = listed_name(text)

    assert 1 <= len(name) <= 64
    assert name == name.strip()
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in name)


def test_spellings_of_a_country_are_one_name_the_most_frequent():
    assert summed([("CHILE", 3), ("Chile", 5), ("chile", 1), ("Latvia", 8)]) == {"Chile": 9, "Latvia": 8}


def test_the_most_frequent_names_stay():
    assert summed([("A", 1), ("B", 3), ("C", 2)], most=2) == {"B": 3, "C": 2}


@given(st.lists(st.tuples(st.text(min_size=1, max_size=3), st.integers(1, 9)), max_size=12), st.randoms())
def test_the_sum_has_no_order_and_loses_no_row(counts: list[tuple[str, int]], chance: random.Random):
    mixed = chance.sample(counts, len(counts))

    assert summed(mixed) == summed(counts)
    assert sum(summed(counts).values()) == sum(number for _, number in counts)
    assert list(summed(counts).values()) == sorted(summed(counts).values(), reverse=True)


# Counting


@EXAMPLES
@given(st.lists(NAMES, max_size=30), st.integers(1, 7), st.booleans())
def test_every_row_of_another_country_is_counted_under_its_name(names: list[str | None], size: int, encoded: bool):  # noqa: FBT001
    table = of_countries(*names)
    if encoded:
        table = table.set_column(1, "country_code", table["country_code"].dictionary_encode())
    others = [listed_name(name) for name in names if country_key(name or "") != "peru"]

    parts = [clean(batch, PERU) for batch in table.to_batches(size)]

    found = summed(named for part in parts for named in part.other_countries.items())
    assert {country_key(name): rows for name, rows in found.items()} == Counter(map(country_key, others))
    assert sum(part.other_country for part in parts) == len(others) == sum(found.values())


def test_a_column_that_holds_no_countries_takes_no_more_space_than_one_that_does():
    names = [f"{'x' * 500}{number}" for number in range(1_200)] + [f"{number}" for number in range(1_200)]
    content = parquet_bytes(of_countries(*names, *["Chile"] * 10, None))

    totals = totals_of(content, batch_rows=500)

    assert totals.add_up
    assert totals.other_country == 2_411
    assert len(totals.other_countries) == 300
    assert totals.other_countries["x" * 63 + "…"] >= 1_200 - 10
    assert len(totals.model_dump_json()) < 10_000
    shown = totals.with_names_to_show()
    assert len(shown.other_countries) == 20
    assert shown.add_up


def test_as_many_countries_as_there_are_in_the_world_are_counted_exactly():
    names = [f"Country {number}" for number in range(250) for _ in range(number % 7 + 1)]
    content = parquet_bytes(of_countries(*names))

    assert totals_of(content, batch_rows=100).other_countries == Counter(names)


# Row groups that are not cleaned


def damaged_but_for_countries(content: bytes, row_group: int) -> bytes:
    """Return the file with pages that cannot be read, in all columns of a row group but that of the country."""
    metadata, bad = pq.read_metadata(io.BytesIO(content)), bytearray(content)
    group = metadata.row_group(row_group)
    for column in (group.column(place) for place in range(group.num_columns)):
        if column.path_in_schema != "country_code":
            start = column.dictionary_page_offset or column.data_page_offset
            bad[start : start + 20] = b"\xff" * 20
    return bytes(bad)


def test_of_a_row_group_of_other_countries_only_the_countries_are_read():
    names = [*["Peru"] * 1_000, *["Chile"] * 400, *["China"] * 500, *["CHINA"] * 100]
    content = damaged_but_for_countries(parquet_bytes(of_countries(*names), row_group_size=1_000), 1)

    totals = totals_of(content)

    assert (totals.kept, totals.other_country) == (1_000, 1_000)
    assert totals.other_countries == {"China": 600, "Chile": 400}


def test_of_a_row_group_of_one_other_country_nothing_is_read():
    names = [*["Peru"] * 1_000, *["Chile"] * 990, *[None] * 10]
    content = damaged_but_for_countries(parquet_bytes(of_countries(*names), row_group_size=1_000), 1)
    column = pq.read_metadata(io.BytesIO(content)).row_group(1).column(1)
    start = column.dictionary_page_offset or column.data_page_offset
    content = content[:start] + b"\xff" * 20 + content[start + 20 :]

    assert totals_of(content).other_countries == {"Chile": 990, NO_COUNTRY: 10}


def test_row_groups_of_one_blank_country_and_of_none_are_one_name():
    names = [*["  "] * 995, *[None] * 5]

    totals = totals_of(parquet_bytes(of_countries(*names)), reading=Reading(("Zambia",)))

    assert totals.other_countries == {NO_COUNTRY: 1_000}


@pytest.mark.parametrize(("value", "name"), [(" Chile", "Chile"), (None, NO_COUNTRY)])
def test_the_country_of_a_partition_is_listed(value: str | None, name: str):
    content = parquet_bytes(of_countries("x", "x").drop_columns(["country_code"]))
    row_groups = RowGroups(0, 1, 0, {"country_code": value})

    (batch,) = clean_batches(lambda: io.BytesIO(content), row_groups, PERU, 10)

    assert batch.totals.other_countries == {name: 2}


@settings(EXAMPLES, max_examples=20)
@given(st.lists(st.sampled_from(["Chile", "Latvia", "Perú", "", None]), min_size=1, max_size=4), st.data())
def test_the_list_does_not_depend_on_the_row_groups(names: list[str | None], data: st.DataObject):
    rows = data.draw(st.permutations([*names * 600, *["Peru"] * 600]))
    sizes = data.draw(st.sampled_from([1_000, 1_500, 10_000]))

    ordered = totals_of(parquet_bytes(of_countries(*sorted(rows, key=str)), row_group_size=sizes))
    mixed = totals_of(parquet_bytes(of_countries(*rows)))

    assert ordered == mixed
    assert sum(ordered.other_countries.values()) == ordered.other_country


# Totals


def test_more_rows_with_a_name_than_of_other_countries_do_not_add_up():
    assert Totals(rows_read=3, other_country=2, other_countries={"Chile": 1}, kept=1).add_up
    assert Totals(rows_read=3, other_country=2, other_countries={"Chile": 2}, kept=1).add_up
    assert not Totals(rows_read=3, other_country=2, other_countries={"Chile": 2, "China": 1}, kept=1).add_up


def test_totals_of_older_versions_list_nothing():
    older = Totals.model_validate_json('{"rows_read": 3, "other_country": 2, "kept": 1}')

    assert (older.other_countries, older.add_up) == ({}, True)
    assert listed(older.other_countries, older.other_country, ["Peru"]) == []


def test_totals_keep_the_order_of_frequency_whatever_order_they_are_stored_in():
    stored = json.dumps({"other_countries": {"A": 1, "B": 3}, "other_country": 4, "rows_read": 4})

    assert list(Totals.model_validate_json(stored).other_countries) == ["B", "A"]


@EXAMPLES
@given(st.lists(st.dictionaries(st.text(min_size=1, max_size=5), st.integers(1, 99), max_size=8), max_size=5))
def test_sums_of_totals_keep_every_name_and_row(parts: list[dict[str, int]]):
    totals = [
        Totals(other_countries=part, other_country=sum(part.values()), rows_read=sum(part.values())) for part in parts
    ]

    whole = Totals.sum(totals)

    assert whole.add_up
    assert sum(whole.other_countries.values()) == whole.other_country
    halves = [Totals.sum(half) for half in batched(totals, 2, strict=False)]
    keys = [{country_key(name): n for name, n in t.other_countries.items()} for t in (whole, Totals.sum(halves))]
    assert keys[0] == keys[1]


# The list that people see


def test_the_list_has_twenty_names_and_all_others_as_one():
    by_name = {f"Country {number:02}": 100 - number for number in range(25)}

    found = listed(by_name, sum(by_name.values()) + 7, ["Peru"])

    assert [each.name for each in found] == [f"Country {number:02}" for number in range(20)] + ["all others"]
    assert found[-1].rows == 80 + 79 + 78 + 77 + 76 + 7
    assert sum(each.rows for each in found) == sum(by_name.values()) + 7


def test_without_more_names_there_are_no_others():
    assert listed({"Chile": 2}, 2, ["Peru"]) == [OtherCountry("Chile", 2)]


@pytest.mark.parametrize(
    ("name", "country"),
    [
        ("Perú", "Peru"),
        ("P.E.R.U.", "Peru"),
        ("Peru#", "Peru"),
        ("Perru", "Peru"),
        ("Cote d'Ivoire", "Côte d\u2019Ivoire"),
        ("Lavtia", "Latvia"),
        ("Latvja", "Latvia"),
        ("Ltvia", "Latvia"),
        ("Latviaa", "Latvia"),
    ],
)
def test_a_misspelt_country_resembles_the_run_s(name: str, country: str):
    assert resembling(name, ["Zambia", country]) == country


@pytest.mark.parametrize(
    ("name", "country"),
    [("Iran", "Iraq"), ("Mali", "Malawi"), ("Niger", "Nigeria"), ("Austria", "Australia"), ("?", "!"), ("", "Peru")],
)
def test_countries_that_are_others_do_not_resemble_each_other(name: str, country: str):
    assert resembling(name, [country]) is None


@pytest.mark.parametrize(
    ("other", "shown"),
    [(OtherCountry("Chile", 1_200), "Chile 1,200"), (OtherCountry("Perú", 9, "Peru"), "Perú 9 (did you mean Peru?)")],
)
def test_an_entry_reads_as_a_phrase(other: OtherCountry, shown: str):
    assert str(other) == shown


def test_names_cannot_change_the_page_that_lists_them():
    rows = Totals(rows_read=1, other_country=1, other_countries={"<b>Chile</b>": 1})
    run = run_of({"countries": ["Peru"]}, rows)

    page = pages.run_page(pages.frame_of("runs/run-1"), run, may_start=False)

    assert "&lt;b&gt;Chile&lt;/b&gt;" in page
    assert "<b>Chile" not in page
