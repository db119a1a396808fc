"""The cleaning rules: which voucher assignments count, and which rule each of the others breaks."""

from collections.abc import Collection
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from voucher_selection.history import COLUMN_NAMES
from voucher_selection.parsing import TIMESTAMP, parse_amount, parse_text, parse_timestamp, parse_total_orders
from voucher_selection.rejections import Rule

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
    """What became of a batch of rows: `other_country + rejected.num_rows + kept.num_rows` are the rows of the batch.

    `kept` has the columns of `CLEANED_SCHEMA`; `rejected` the columns of the history as they came, then `rule` and
    `row` (the row's index in the batch).
    """

    kept: pa.RecordBatch
    rejected: pa.RecordBatch
    other_country: int


def clean(batch: pa.RecordBatch, countries: Collection[str]) -> Cleaned:
    """Split a batch of the history into the rows that count and those that do not.

    Parameters
    ----------
    batch
        Rows with the columns of `history.COLUMNS`, of any type these accept; other columns are ignored.
    countries
        Names of the countries to keep, exactly as in `country_code`.
    """
    batch = batch.select(COLUMN_NAMES)
    of_countries = _is_one_of(batch["country_code"], countries)
    rows = pc.indices_nonzero(of_countries)
    chosen = batch.take(rows)
    values, malformed = _parse(chosen)
    rule = _first_broken_rule(values, malformed)
    passed = rule.is_null()
    broken = pc.invert(passed)
    rejected = chosen.append_column("rule", rule).append_column("row", rows.cast(pa.int64())).filter(broken)
    return Cleaned(values.filter(passed), rejected, batch.num_rows - chosen.num_rows)


def _is_one_of(country_code: pa.Array, countries: Collection[str]) -> pa.Array:
    if pa.types.is_dictionary(country_code.type):
        known = _is_one_of(country_code.dictionary, countries)
        return pc.fill_null(known.take(country_code.indices), False)
    return pc.is_in(parse_text(country_code), value_set=pa.array(sorted(countries), pa.string()))


def _parse(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Array]:
    """Return the rows as they are meant, and a mask of those with a value that cannot be parsed."""
    parsed = [
        parse_timestamp(batch["timestamp"]),
        parse_timestamp(batch["last_order_ts"]),
        parse_timestamp(batch["first_order_ts"]),
        parse_total_orders(batch["total_orders"]),
        parse_amount(batch["voucher_amount"]),
    ]
    timestamp, last_order, first_order, total_orders, amount = (column.values for column in parsed)
    country = parse_text(batch["country_code"])
    values = pa.record_batch([timestamp, country, last_order, first_order, total_orders, amount], schema=CLEANED_SCHEMA)
    malformed = parsed[0].malformed
    for column in parsed[1:]:
        malformed = pc.or_(malformed, column.malformed)
    return values, malformed


def _first_broken_rule(values: pa.RecordBatch, malformed: pa.Array) -> pa.Array:
    last_order, first_order, total_orders = values["last_order_ts"], values["first_order_ts"], values["total_orders"]
    has_dates = pc.or_(last_order.is_valid(), first_order.is_valid())
    broken = {
        Rule.MALFORMED: malformed,
        Rule.ZERO_ORDERS_WITH_DATES: pc.and_(pc.equal(total_orders, 0), has_dates),
        Rule.LAST_BEFORE_FIRST: pc.less(last_order, first_order),
        Rule.NULL_TOTAL_ORDERS: total_orders.is_null(),
        Rule.NULL_VOUCHER_AMOUNT: values["voucher_amount"].is_null(),
    }
    conditions = pa.StructArray.from_arrays(
        [pc.fill_null(broken[rule], False) for rule in Rule], names=[rule.value for rule in Rule]
    )
    return pc.case_when(conditions, *(pa.scalar(rule.value) for rule in Rule))
