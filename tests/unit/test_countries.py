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
from tests.models import model_of
from voucher_selection.adapters.parquet.columns import RowGroups
from voucher_selection.adapters.settings import IngestSettings
from voucher_selection.api.bulk_lookups import look_up_all
from voucher_selection.domain.countries import Countries, country_name, may_lie_between
from voucher_selection.domain.country_keys import country_key
from voucher_selection.domain.lookups import LookupRequest, look_up
from voucher_selection.domain.model import AmountCount, Model, SegmentMode
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import clean
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.pipeline.assignments import assign
from voucher_selection.pipeline.batches import choose_row_groups
from voucher_selection.pipeline.counting import clean_batches

EXAMPLES = settings(max_examples=300, deadline=None, derandomize=True)
NAMES = [
    "Türkiye",
    "\u0131rak",
    "Costa Rica",
    "Peru",
    "Österreich",
    "Éire",
    "Åland",
    "ÅLAND",
    "中国",
    "straße",
    "Kosovo",
    "İstanbul",
    "Çeşme",
    "1st",
    "_x",
]


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
    space = st.sampled_from(["", " ", "\t", "\n", "\x1f", "\u00a0", "\u202f", "\u3000"])
    inner = draw(st.sampled_from([" ", "\u00a0", "  "]))
    return name, draw(space) + cased.replace(" ", inner) + draw(space)


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


# Every way in


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("Türkiye", "TÜRKİYE"),
        ("Türkiye", "türki\u0307ye"),
        ("\u0131rak", "IRAK"),
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "\u0131stanbul"),
        ("straße", "STRASSE"),
        ("STRASSE", "Stra\u1e9ee"),
        ("Österreich", "O\u0308STERREICH"),
        ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
        ("Costa Rica", "\u00a0COSTA\u00a0 RICA\u2009"),
        ("ﬁji", "FIJI"),
    ],
)
def test_a_name_is_the_same_in_capitals_of_any_language_and_any_form(name: str, spelled: str):
    assert country_key(spelled) == country_key(name)


@pytest.mark.parametrize(("name", "other"), [("Peru", "Perú"), ("Costa Rica", "CostaRica"), ("Niger", "Nigeria")])
def test_other_letters_are_another_country(name: str, other: str):
    assert country_key(other) != country_key(name)


def model_for(*countries: str) -> Model:
    """A model in which each country has one amount of its own for every segment: 10, 20, …"""
    modes = [
        SegmentMode(country, segmentation.name, segment, *bounds, (AmountCount(10.0 * place, 5),))
        for place, country in enumerate(countries, 1)
        for segmentation in shipped_definitions().segmentations
        for segment, bounds in segmentation.bounds.items()
    ]
    return model_of(*modes, countries=countries)


@EXAMPLES
@given(spellings())
def test_runs_lookups_and_assign_know_a_country_in_any_spelling_and_answer_with_the_run_s(drawn: tuple[str, str]):
    name, spelled = drawn
    customer = {"country_code": spelled, "segment_name": "frequent_segment", "total_orders": 3}
    model = model_for("Aruba", name)
    layouts = pa.array([spelled]), pa.array([spelled]).dictionary_encode()
    rows = [pa.record_batch({"customer_id": [1], "country_code": column, "total_orders": [3]}) for column in layouts]
    histories = [history({}).set_column(1, "country_code", column).to_batches()[0] for column in layouts]

    kept = [clean(batch, Reading(("Aruba", name))).kept["country_code"].to_pylist() for batch in histories]
    answered = look_up(model, LookupRequest.parse(customer))
    (entry,) = look_up_all(model, [customer])["vouchers"]
    assigned = [assign(batch, model, "frequent_segment", pa.int64()).to_pylist()[0] for batch in rows]

    assert kept == [[name], [name]]
    assert (answered["country_code"], answered["voucher_amount"]) == (name, 20.0)
    assert entry == {field: value for field, value in answered.items() if field != "model"}
    assert [(row["country_code"], row["voucher_amount"]) for row in assigned] == [(name, 20.0)] * 2
    assert model.country(spelled) == name


@EXAMPLES
@given(spellings())
def test_a_partition_of_a_country_is_read_however_its_path_spells_it(drawn: tuple[str, str]):
    name, spelled = drawn
    content = parquet_bytes(history({}).drop_columns(["country_code"]))
    row_groups = RowGroups(0, 1, 0, {"country_code": spelled})

    (batch,) = clean_batches(lambda: io.BytesIO(content), row_groups, Reading(("Aruba", name)), 10)

    assert batch.cleaned.kept["country_code"].to_pylist() == [name]


@EXAMPLES
@given(spellings())
def test_two_spellings_of_a_country_cannot_be_asked_for_at_once(drawn: tuple[str, str]):
    name, spelled = drawn

    with pytest.raises(ValidationError, match=r"each country once|control characters"):
        TypeAdapter(Countries).validate_python([name, spelled])
