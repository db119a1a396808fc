"""The cleaning rules: which voucher assignments count, and which rule rejects each other one."""

from collections.abc import Collection
from functools import reduce
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.country_keys import by_key, country_key
from voucher_selection.domain.history import COLUMN_NAMES
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.other_countries import RowsByName, listed_name, summed
from voucher_selection.domain.parsing import TIMESTAMP, parse_amount, parse_text, parse_timestamp, parse_total_orders
from voucher_selection.domain.reading import Reading

# Of a column with more spellings of other countries in a batch, such as one that holds no countries, some are counted.
_MOST_SPELLINGS = 1000
TIME_COLUMNS = ("timestamp", "last_order_ts", "first_order_ts")
CLEANED_SCHEMA = pa.schema(
    [
        ("timestamp", TIMESTAMP),
        ("country_code", pa.string()),
        ("last_order_ts", TIMESTAMP),
        ("first_order_ts", TIMESTAMP),
        ("total_orders", pa.int64()),
        ("voucher_amount", pa.float64()),
    ]
)


class Cleaned(NamedTuple):
    """A cleaned batch: `other_country + rejected.num_rows + kept.num_rows` is the number of rows of the batch.

    Attributes
    ----------
    kept
        The rows that count, with the columns of `CLEANED_SCHEMA` and the names of the requested countries.
    rejected
        The rejected rows with the unchanged columns of the history, then `rule` and `row` (the index in the batch).
    other_country
        The number of rows of other countries.
    read
        All rows of the countries, kept or rejected, in the form of `kept`.
    other_countries
        These rows by the name of their country, as far as `Totals.other_countries` has them.
    amounts_rounded
        The number of rows in `kept` whose amount was written with other digits.
    """

    kept: pa.RecordBatch
    rejected: pa.RecordBatch
    other_country: int
    other_countries: RowsByName
    read: pa.RecordBatch
    amounts_rounded: int = 0

    @property
    def measurable(self) -> dict[Measure, int]:
        """The number of kept rows that have what each measure is computed from."""
        return {measure: self._with(measure.columns) for measure in Measure}

    def _with(self, columns: tuple[str, ...]) -> int:
        nullable = [self.kept[name].is_valid() for name in columns if self.kept[name].null_count]
        return int(pc.sum(reduce(pc.and_, nullable)).as_py() or 0) if nullable else self.kept.num_rows


def clean(batch: pa.RecordBatch, reading: Reading) -> Cleaned:
    """Split a batch of the history into the rows that count and those that do not.

    Parameters
    ----------
    batch
        Rows with the columns of `history.COLUMNS`, of any type that these accept; other columns are ignored.
    reading
        How to read the rows. Only rows of its countries are cleaned; `country_code` may spell a name differently (see
        `countries`).

    Raises
    ------
    UnknownTimeZone
        Arrow cannot use the reading's time zone.

    Examples
    --------
    >>> row = {
    ...     "timestamp": "2018-09-01", "country_code": "PERU", "last_order_ts": "2018-05-03", "first_order_ts": None,
    ...     "total_orders": "15.0", "voucher_amount": "2640",
    ... }
    >>> batch = pa.RecordBatch.from_pylist([row, row | {"total_orders": None}, row | {"country_code": "Latvia"}])
    >>> cleaned = clean(batch, Reading(("Peru",)))
    >>> cleaned.kept["voucher_amount"].to_pylist(), cleaned.rejected["rule"].to_pylist(), cleaned.other_countries
    ([2640.0], ['null_total_orders'], {'Latvia': 1})
    """
    batch = _without_views(batch.select(COLUMN_NAMES))
    rows, country, other_countries = split_countries(batch["country_code"], reading.countries)
    chosen = _take(batch, rows)
    values, malformed, rounded = _parse(chosen, country, reading)
    broken = _broken_rules(values, malformed)
    breaks_any = reduce(pc.or_, broken.values())
    kept = values.filter(pc.invert(breaks_any))
    refused = pc.indices_nonzero(breaks_any)
    rule = _first_broken_rule({rule: mask.take(refused) for rule, mask in broken.items()})
    rejected = _take(chosen, refused).append_column("rule", rule).append_column("row", rows.take(refused))
    amounts_rounded = pc.sum(pc.and_not(rounded, breaks_any)).as_py() or 0
    return Cleaned(kept, rejected, batch.num_rows - chosen.num_rows, other_countries, values, amounts_rounded)


def zero_orders_with_dates(total_orders: pa.Array, last_order: pa.Array, first_order: pa.Array) -> pa.BooleanArray:
    """Return a mask of the customers with an order date but no orders; null where that is unknown."""
    return pc.and_(pc.equal(total_orders, 0), pc.or_(last_order.is_valid(), first_order.is_valid()))


def last_before_first(last_order: pa.Array, first_order: pa.Array) -> pa.BooleanArray:
    """Return a mask of the customers whose last order is before the first; null where either is unknown."""
    return pc.less(last_order, first_order)


def left_alone(rows: int, other_countries: RowsByName) -> Cleaned:
    """Return the cleaned batch for rows that need no reading, because all are of other countries."""
    rejected = pa.schema([*((name, pa.string()) for name in COLUMN_NAMES), ("rule", pa.string()), ("row", pa.int64())])
    none = pa.RecordBatch.from_pylist([], CLEANED_SCHEMA)
    return Cleaned(none, pa.RecordBatch.from_pylist([], rejected), rows, other_countries, none)


def _without_views(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Convert string views to strings, because Arrow cannot take rows of string views."""
    if not any(pa.types.is_string_view(kind) for kind in rows.schema.types):
        return rows
    columns = [column.cast(pa.string()) if pa.types.is_string_view(column.type) else column for column in rows.columns]
    return pa.record_batch(columns, names=rows.schema.names)


def _take(rows: pa.RecordBatch, indices: pa.Array) -> pa.RecordBatch:
    # Our indices are always within bounds. To take columns one by one is faster than to take a batch.
    columns = [pc.take(column, indices, boundscheck=False) for column in rows.columns]
    return pa.record_batch(columns, names=rows.schema.names)


class SplitCountries(NamedTuple):
    """The rows of the countries that are asked for, with the name of each; and how many rows each other country has."""

    rows: pa.Int64Array
    country: pa.StringArray
    other_countries: RowsByName


def split_countries(country_code: pa.Array, countries: Collection[str]) -> SplitCountries:
    """Return the indices of the countries' rows, the name of the country of each, and the number of all other rows."""
    if not pa.types.is_dictionary(country_code.type):
        country_code = parse_text(country_code).dictionary_encode()
    elif len(country_code.dictionary) > len(country_code):  # a batch of a large row group uses few of its values
        country_code = country_code.dictionary_decode().dictionary_encode()
    names = by_key(countries)
    spelled = parse_text(country_code.dictionary).to_pylist()
    named = [None if text is None else names.get(country_key(text)) for text in spelled]
    # NumPy looks up codes in a tenth of the time that Arrow takes for booleans, and fastest as its own indices.
    known = np.array([name is not None for name in named] + [False])
    codes = country_code.indices
    codes = (pc.fill_null(codes.cast(pa.int64()), len(named)) if codes.null_count else codes).to_numpy().astype(np.intp)
    rows = np.flatnonzero(known.take(codes))
    country = pa.array(named, pa.string()).take(pa.array(codes[rows]))
    others = {} if len(rows) == len(codes) else _other_countries([*spelled, None], known, codes)
    return SplitCountries(pa.array(rows, pa.int64()), country, others)


def _other_countries(spelled: list[str | None], known: NDArray[np.bool_], codes: NDArray[np.integer]) -> RowsByName:
    """Count the rows of each spelling that is not known; of very many spellings, only the most frequent ones."""
    counts = np.bincount(codes, minlength=len(spelled))
    counts[known] = 0
    found = np.flatnonzero(counts)
    if len(found) > _MOST_SPELLINGS:
        found = found[np.argsort(-counts[found], kind="stable")[:_MOST_SPELLINGS]]
    return summed((listed_name(spelled[code]), int(counts[code])) for code in found)


def _parse(
    batch: pa.RecordBatch, country: pa.StringArray, reading: Reading
) -> tuple[pa.RecordBatch, pa.Array, pa.Array]:
    """Return the parsed rows, and masks of the rows with a malformed value and with a rounded amount."""
    amounts = parse_amount(batch["voucher_amount"])
    parsed = [
        *(parse_timestamp(batch[name], reading.time_zone, reading.null_dates) for name in TIME_COLUMNS),
        parse_total_orders(batch["total_orders"]),
    ]
    timestamp, last_order, first_order, total_orders = (column.values for column in parsed)
    columns = [timestamp, country, last_order, first_order, total_orders, amounts.values]
    malformed = reduce(pc.or_, (column.malformed for column in parsed), amounts.malformed)
    return pa.record_batch(columns, schema=CLEANED_SCHEMA), malformed, amounts.rounded


def _broken_rules(values: pa.RecordBatch, malformed: pa.Array) -> dict[Rule, pa.Array]:
    """Return, for every rule in order, a mask of the rows that break it; a row may break several."""
    last_order, first_order, total_orders = values["last_order_ts"], values["first_order_ts"], values["total_orders"]
    broken = {
        Rule.MALFORMED: malformed,
        Rule.ZERO_ORDERS_WITH_DATES: zero_orders_with_dates(total_orders, last_order, first_order),
        Rule.LAST_BEFORE_FIRST: last_before_first(last_order, first_order),
        Rule.NULL_TOTAL_ORDERS: total_orders.is_null(),
        Rule.NULL_VOUCHER_AMOUNT: values["voucher_amount"].is_null(),
    }
    return {rule: pc.fill_null(broken[rule], False) for rule in Rule}


def _first_broken_rule(broken: dict[Rule, pa.Array]) -> pa.Array:
    conditions = pa.StructArray.from_arrays(list(broken.values()), names=[rule.value for rule in broken])
    return pc.case_when(conditions, *(pa.scalar(rule.value) for rule in broken))
