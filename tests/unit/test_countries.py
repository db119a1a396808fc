"""Names of countries are cleaned where they enter, and matched however they are spelled."""

import io
import unicodedata

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tests.environment import function_environment
from tests.histories import history, parquet_bytes
from voucher_selection.adapters.parquet.columns import RowGroups
from voucher_selection.adapters.settings import IngestSettings
from voucher_selection.domain.countries import Countries, country_key, country_name, may_lie_between
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.pipeline.batches import choose_row_groups

EXAMPLES = settings(max_examples=300, deadline=None, derandomize=True)
NAMES = ["Peru", "Österreich", "Éire", "Åland", "ÅLAND", "中国", "straße", "Kosovo", "İstanbul", "Çeşme", "1st", "_x"]


@pytest.mark.parametrize(
    ("given_", "name"),
    [("Peru", "Peru"), (" Peru\t", "Peru"), ("\u00a0Côte d'Ivoire\n", "Côte d'Ivoire"), ("E\u0301ire", "Éire")],
)
def test_a_name_is_trimmed_and_composed(given_: str, name: str):
    assert country_name(given_) == name


@pytest.mark.parametrize("name", ["Pe#ru", "#", "#Peru", "Peru#", "", " ", "\t", "Pe\0ru", "Pe\nru", "\x7f", "\ud800"])
def test_a_name_that_no_key_can_hold_is_refused(name: str):
    with pytest.raises(ValidationError):
        TypeAdapter(Countries).validate_python([name])


@pytest.mark.parametrize("twice", [["Peru", "PERU"], ["Peru", " Peru"], ["Éire", "e\u0301ire"], ["straße", "STRASSE"]])
def test_two_spellings_of_a_country_are_twice(twice: list[str]):
    with pytest.raises(ValidationError, match="each country once"):
        TypeAdapter(Countries).validate_python(twice)


def test_the_settings_names_are_cleaned():
    given_ = function_environment(countries=(" Peru ", "E\u0301ire"))

    assert IngestSettings.model_validate({name.lower(): value for name, value in given_.items()}).countries == (
        "Peru",
        "Éire",
    )


@pytest.mark.parametrize(
    "layout", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_rows_are_counted_under_the_name_that_was_asked_for(layout: pa.DataType):
    spelled = ["Peru", " PERU ", None, "É\u0131re", "e\u0301ire", "Chile", "ÉIRE", "Peru#"]
    table = history(*({"country_code": name} for name in spelled))
    table = table.set_column(1, "country_code", pa.array(spelled).cast(layout))

    cleaned = clean(table.combine_chunks().to_batches()[0], Reading(("peru", "Éire")))

    assert cleaned.kept["country_code"].to_pylist() == ["peru", "peru", "Éire", "Éire", "Éire"]
    assert cleaned.other_country == 3
    assert cleaned.other_countries == {"Chile": 1, "Peru#": 1, "no country": 1}


def test_a_rejected_row_keeps_the_spelling_of_its_file():
    table = history({"country_code": " PERU ", "total_orders": "x"})

    (row,) = clean(table.to_batches()[0], Reading(("Peru",))).rejected.to_pylist()

    assert row["country_code"] == " PERU "


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a country and a spelling of it."""
    name = draw(st.sampled_from(NAMES))
    form = unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD"])), name)
    cased = "".join(draw(st.sampled_from([c, c.upper(), c.lower(), c.title()])) for c in form)
    space = st.sampled_from(["", " ", "\t", "\n", "\x1f", "\u00a0", "\u3000"])
    spelled = draw(space) + cased + draw(space)
    return name, spelled if country_key(spelled) == country_key(name) else name


@EXAMPLES
@given(spellings(), st.lists(st.text(max_size=4) | spellings().map(lambda drawn: drawn[1]), max_size=4))
def test_a_row_group_that_holds_a_spelling_is_never_left_out(drawn: tuple[str, str], others: list[str]):
    name, spelled = drawn
    values = [spelled, *(other.encode("utf-8", "ignore").decode() for other in others)]

    assert may_lie_between(min(values), max(values), [name])


def test_row_groups_of_other_countries_are_left_out_whatever_their_case():
    groups = [
        ["Peru", "Peru"],
        ["China", "Latvia"],
        [" peru", " peru"],
        ["PERU", "Panama"],
        ["Chile", "中国"],
        ["a", "o"],
    ]
    rows = [{"country_code": name} for group in groups for name in group * 1_000]
    metadata = pq.read_metadata(io.BytesIO(parquet_bytes(history(*rows), row_group_size=2_000)))

    chosen = choose_row_groups(metadata, RowGroups(0, len(groups), 0), ["Peru"])

    assert ([(run.first, run.end) for run in chosen.to_clean], chosen.left_out) == ([(0, 1), (2, 5)], 4_000)
    assert [(run.first, run.end) for run in chosen.to_name] == [(1, 2), (5, 6)]
