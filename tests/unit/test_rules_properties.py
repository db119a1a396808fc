"""Any history at all: every row has the verdict, and every segment the counts, that a slow reference computes."""

import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from local.quickstart.proof import reference
from local.quickstart.proof.reference import MALFORMED
from tests.histories import parquet_bytes
from voucher_selection.adapters.parquet.columns import RowGroups
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.modes import segment_modes
from voucher_selection.domain.parsing import Parsed, parse_amount, parse_timestamp, parse_total_orders
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import CLEANED_SCHEMA, clean
from voucher_selection.domain.segments import shipped_definitions
from voucher_selection.domain.totals import Totals
from voucher_selection.pipeline.counting import clean_batches

CUR_DATE = date(2018, 9, 15)
EXAMPLES = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


class Column(NamedTuple):
    """A column as it comes, and what each of its values means."""

    given: pa.Array
    meant: list[Any]


class Kind(NamedTuple):
    """Values of one Arrow type, and how the reference reads one."""

    arrow: pa.DataType
    values: st.SearchStrategy[Any]
    read: Callable[[Any], Any]


def spaced(texts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    space = st.sampled_from(["", "", "", " ", "  ", "\t", "\n", "\u00a0", "\u2003", " \r\n"])
    return st.builds(lambda before, text, after: before + text + after, space, texts, space)


def two_digits(most: int) -> st.SearchStrategy[str]:
    return st.integers(0, most).map(lambda number: f"{number:02}")


# Mostly of the calendar, with days, hours and offsets just outside of it; and anything else.
DATES = st.dates(date(2018, 1, 1), date(2018, 9, 15)).map(date.isoformat) | st.builds(
    "{:04}-{:02}-{:02}".format,
    st.sampled_from([0, 1, 1677, 1969, 1970, 2018, 2262, 9999]),
    st.integers(0, 13),
    st.sampled_from([0, 1, 2, 28, 29, 30, 31, 32]),
)
TIMES = st.builds("{}:{}".format, two_digits(24), two_digits(60)) | st.builds(
    "{}:{}:{}{}".format,
    two_digits(24),
    two_digits(60),
    two_digits(61),
    st.sampled_from(["", ".", ".5", ".000001", ".999999", ".1234567", ",5"]),
)
OFFSETS = st.sampled_from(
    ["", "", "", "Z", "z", "+02:00", "-0500", "+23:59", "-24:00", "+00:60", "+5", " +01:00", "+14"]
)
ODD_TEXTS = st.sampled_from(
    ["", " ", "nan", "null", "NaT", "now", "2018-4-20", "20180420", "2018-W16-5", "20/04/2018", "2018-04-20T", "\u0662"]
) | st.text(max_size=12)
TIME_TEXTS = (
    DATES
    | st.builds("{}{}{}{}".format, DATES, st.sampled_from([" ", "T", "t", "  "]), TIMES, OFFSETS)
    | st.builds("{}{}".format, DATES, OFFSETS)
    | ODD_TEXTS
)
NUMBER_TEXTS = (
    st.integers(-2, 45).map(str)
    | st.integers(0, 45).map("{}.0".format)
    | st.sampled_from(["0.0", "-0", "-0.0", "2.5", "1e3", "1E1", "1e-1", "10e-1", "1e400", "-1e400", ".5", "5.", "007"])
    | st.sampled_from(["nan", "NaN", "-nan", "inf", "-Infinity", "9007199254740992", "9007199254740993", "1e16"])
    | st.sampled_from(
        [
            "1,000",
            "1 000",
            "1_0",
            "0x10",
            "+5",
            "+0.0",
            "٣",
            "\uff13",
            "2.0.0",
            "--1",
            "1e",
            "e1",
            ".",
            "two",
            "True",
            "1f",
            "½",
        ]
    )
    | ODD_TEXTS
)
FLOATS = st.sampled_from([0.0, -0.0, 1.0, 2.5, -1.0, 2640.1, 1e16, float("nan"), float("inf"), -float("inf")])
AMOUNTS = st.sampled_from([2640.0, 2640.0, 3520.0, 4400.0, 0.1])

EPOCH = datetime(1970, 1, 1)
PER_MICROSECOND = {"s": (1_000_000, 1), "ms": (1000, 1), "us": (1, 1), "ns": (1, 1000)}


def moment_of(unit: str) -> Callable[[int | None], Any]:
    """Return how the reference reads a count of a unit since 1970: what is finer than a microsecond is cut off."""
    times, per = PER_MICROSECOND[unit]

    def read(count: int | None) -> Any:
        if count is None:
            return None
        try:
            return EPOCH + timedelta(microseconds=count * times // per)
        except OverflowError:
            return MALFORMED

    return read


def counts_of(unit: str) -> st.SearchStrategy[int]:
    """Return counts of a unit since 1970: of 2018, around 1970, at the ends of the calendar, and anywhere."""
    a_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    in_2018 = st.integers(1_514_764_800, 1_537_000_000).map(lambda second: second * a_second)
    days = st.sampled_from([-719_163, -719_162, -1, 0, 1, 2_932_896, 2_932_897]).map(
        lambda day: day * 86_400 * a_second
    )
    ends = st.sampled_from([-(2**63), -(2**63) + 1, 2**63 - 1])
    everywhere = in_2018 | st.integers(-2000, 2000) | days | ends | st.integers(-(2**63), 2**63 - 1)
    return everywhere.filter(lambda count: -(2**63) <= count < 2**63)


def a_day(count: int | None) -> Any:
    if count is None:
        return None
    try:
        return EPOCH + timedelta(days=count)
    except OverflowError:
        return MALFORMED


def text(values: st.SearchStrategy[str], read: Callable[[str | None], Any]) -> list[Kind]:
    return [Kind(layout, spaced(values), read) for layout in (pa.string(), pa.large_string(), pa.string_view())]


TIME_KINDS = [
    *text(TIME_TEXTS, reference.moment),
    *(Kind(pa.timestamp(unit), counts_of(unit), moment_of(unit)) for unit in PER_MICROSECOND),
    Kind(pa.timestamp("ms", "America/Lima"), counts_of("ms"), moment_of("ms")),
    Kind(pa.date32(), st.sampled_from([0, 17_600, 17_700, -719_163, -719_162, 2_932_896, 2_932_897, 2**31 - 1]), a_day),
    Kind(pa.null(), st.none(), lambda _: None),
]


def shortest(value: float | None) -> str | None:
    """Return a float of 32 bits as it was written: 2640.1 and not 2640.10009765625."""
    return None if value is None else str(np.float32(value))


INTEGERS = [
    Kind(kind, st.integers(0, 45) | st.sampled_from(bounds), reference.orders)
    for kind, bounds in {
        pa.int8(): [-1, 127],
        pa.uint8(): [255],
        pa.int32(): [-1, 2**31 - 1],
        pa.int64(): [-1, 2**53, 2**53 + 2, 2**63 - 1],
        pa.uint64(): [2**53, 2**64 - 1],
    }.items()
]
DECIMALS = st.sampled_from([Decimal("2"), Decimal("2.50"), Decimal("-1"), Decimal("0.00"), Decimal("2640.10")])
ORDER_KINDS = [
    *text(NUMBER_TEXTS, reference.orders),
    *INTEGERS,
    Kind(pa.float64(), FLOATS | st.integers(0, 45).map(float), reference.orders),
    Kind(pa.float32(), FLOATS, lambda value: reference.orders(shortest(value))),
    Kind(pa.decimal128(20, 2), DECIMALS, reference.orders),
    Kind(pa.decimal256(50, 2), DECIMALS, reference.orders),
    Kind(pa.null(), st.none(), lambda _: None),
]
AMOUNT_KINDS = [
    Kind(pa.float64(), AMOUNTS | AMOUNTS | FLOATS | st.floats(), reference.amount),
    Kind(pa.float32(), AMOUNTS | FLOATS, lambda value: reference.amount(shortest(value))),
    *(kind._replace(read=reference.amount) for kind in INTEGERS),
    Kind(pa.decimal128(20, 2), DECIMALS, reference.amount),
    Kind(pa.decimal256(50, 2), DECIMALS, reference.amount),
    Kind(pa.null(), st.none(), lambda _: None),
]
COUNTRIES = st.sampled_from(["Peru", "Peru", "Peru", "PERU", "China", "peru", " Peru", "", "Perú", None])
KINDS = {
    "timestamp": TIME_KINDS,
    "country_code": [Kind(kind, COUNTRIES, reference.country) for kind in (pa.string(), pa.large_string())],
    "last_order_ts": TIME_KINDS,
    "first_order_ts": TIME_KINDS,
    "total_orders": ORDER_KINDS,
    "voucher_amount": AMOUNT_KINDS,
}


# Half of the columns: of nothing but odd values, hardly a row would be kept.
GOOD = {
    "timestamp": Kind(pa.string(), st.just("2018-07-21 18:59:21.102761"), reference.moment),
    "country_code": Kind(pa.string(), st.just("Peru"), lambda value: value),
    "last_order_ts": Kind(pa.string(), DATES, reference.moment),
    "first_order_ts": Kind(pa.timestamp("ms"), st.just(1_500_000_000_000), moment_of("ms")),
    "total_orders": Kind(pa.string(), st.integers(1, 45).map("{}.0".format), reference.orders),
    "voucher_amount": Kind(pa.float64(), AMOUNTS, reference.amount),
}


@st.composite
def histories(draw: st.DrawFn, most_rows: int = 12) -> dict[str, Column]:
    """Draw columns of a history: each of any type it may have, some of them dictionary-encoded."""
    rows = draw(st.integers(1, most_rows))
    return {
        name: draw(columns(draw(st.sampled_from(kinds) | st.just(GOOD[name])), rows)) for name, kinds in KINDS.items()
    }


@st.composite
def columns(draw: st.DrawFn, kind: Kind, rows: int) -> Column:
    values = draw(st.lists(st.none() | kind.values, min_size=rows, max_size=rows))
    array = pa.array(values, kind.arrow)
    encodable = not (pa.types.is_null(kind.arrow) or pa.types.is_string_view(kind.arrow))
    encoded = array.dictionary_encode() if encodable and draw(st.booleans()) else array
    return Column(encoded, [kind.read(value) for value in values])


def columns_of(kinds: list[Kind]) -> st.SearchStrategy[Column]:
    return st.tuples(st.sampled_from(kinds), st.integers(1, 20)).flatmap(lambda drawn: columns(*drawn))


def batch_of(history: dict[str, Column]) -> pa.RecordBatch:
    return pa.record_batch({name: column.given for name, column in history.items()})


def meant(history: dict[str, Column]) -> list[dict[str, Any]]:
    rows = zip(*(column.meant for column in history.values()), strict=True)
    return [dict(zip(history, row, strict=True)) for row in rows]


def parsed_values(parsed: Parsed) -> list[Any]:
    found = zip(parsed.values.to_pylist(), parsed.malformed.to_pylist(), strict=True)
    return [MALFORMED if malformed else value for value, malformed in found]


@EXAMPLES
@given(columns_of(TIME_KINDS))
def test_times_of_any_type_mean_what_the_reference_reads(column: Column):
    assert parsed_values(parse_timestamp(column.given)) == column.meant


@EXAMPLES
@given(columns_of(ORDER_KINDS))
def test_orders_of_any_type_mean_what_the_reference_reads(column: Column):
    assert parsed_values(parse_total_orders(column.given)) == column.meant


@EXAMPLES
@given(columns_of(AMOUNT_KINDS))
def test_amounts_of_any_type_mean_what_the_reference_reads(column: Column):
    assert parsed_values(parse_amount(column.given)) == column.meant


@EXAMPLES
@given(histories())
def test_every_row_has_the_verdict_and_the_values_of_the_reference(history: dict[str, Column]):
    rows = meant(history)
    verdicts = ["other_country" if row["country_code"] != "Peru" else reference.broken_rule(row) for row in rows]

    cleaned = clean(batch_of(history), Reading(("Peru",)))

    assert cleaned.other_country == verdicts.count("other_country")
    rejected = zip(cleaned.rejected["row"].to_pylist(), cleaned.rejected["rule"].to_pylist(), strict=True)
    assert list(rejected) == [(n, rule) for n, rule in enumerate(verdicts) if rule not in (None, "other_country")]
    assert cleaned.kept.schema == CLEANED_SCHEMA
    assert cleaned.kept.to_pylist() == [row for row, rule in zip(rows, verdicts, strict=True) if rule is None]


@EXAMPLES
@given(histories(most_rows=40))
def test_every_segment_has_the_amounts_of_the_reference(history: dict[str, Column]):
    _, expected = reference.answer_of(meant(history), "Peru", CUR_DATE)

    counts = Counts.of(clean(batch_of(history), Reading(("Peru",))).kept)
    modes = segment_modes(counts, shipped_definitions(), CUR_DATE, ["Peru"])

    found = {
        (mode.segment_name, mode.segment): [(used.voucher_amount, used.count) for used in mode.assignments]
        for mode in modes
    }
    # Used most first; of those used equally often, the smaller one.
    assert found == {
        segment: sorted(amounts.items(), key=lambda entry: (-entry[1], entry[0]))
        for segment, amounts in expected.items()
    }


@settings(EXAMPLES, max_examples=60)
@given(histories(most_rows=25), st.data())
def test_a_history_counts_the_same_however_it_is_cut_and_in_any_order(history: dict[str, Column], data: st.DataObject):
    rows = len(history["timestamp"].given)
    table = writable(history)
    order = data.draw(st.permutations(range(rows)))
    row_group_size, batch_rows = data.draw(st.integers(1, rows)), data.draw(st.integers(1, rows))
    cuts = sorted(data.draw(st.sets(st.integers(0, rows), max_size=3)) | {0, rows})

    whole = counted(table, rows, rows)
    shuffled = counted(table.take(order), row_group_size, batch_rows)
    parts = [counted(table.slice(start, end - start), row_group_size, batch_rows) for start, end in pairwise(cuts)]

    assert shuffled == whole
    assert (Counts.sum(counts for counts, _ in parts), Totals.sum(totals for _, totals in parts)) == whole
    assert whole[1].rows_read == rows


def writable(history: dict[str, Column]) -> pa.Table:
    """Return a history as parquet keeps it: it has no seconds, and not all of their times as milliseconds."""
    content = io.BytesIO()
    try:
        pq.write_table(pa.table({name: column.given for name, column in history.items()}), content)
    except pa.ArrowInvalid:
        reject()
    table = pq.read_table(content)
    views = {
        name: column.cast(pa.string())
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pa.types.is_string_view(column.type)
    }  # which Arrow cannot take rows of
    return pa.table(dict(zip(table.column_names, table.columns, strict=True)) | views)


def counted(table: pa.Table, row_group_size: int, batch_rows: int) -> tuple[Counts, Totals]:
    content = io.BytesIO(parquet_bytes(table, row_group_size=row_group_size))
    row_groups = RowGroups(0, pq.read_metadata(content).num_row_groups, 0)
    batches = list(clean_batches(lambda: io.BytesIO(content.getvalue()), row_groups, Reading(("Peru",)), batch_rows))
    return Counts.sum(Counts.of(batch.cleaned.kept) for batch in batches), Totals.sum(batch.totals for batch in batches)
