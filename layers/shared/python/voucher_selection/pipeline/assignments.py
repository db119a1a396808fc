"""Look up many customers at once, in Arrow: each row gets the amount that `POST /voucher` would answer.

Each distinct value is read and looked up once. Rows only carry codes of these values.
"""

from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types
from pydantic import TypeAdapter, ValidationError

from voucher_selection.domain.errors import NoSegment, NoSupport, UnknownCountry
from voucher_selection.domain.history import is_text
from voucher_selection.domain.lookups import CODES, LONGEST_ID, Found, InvalidLookup, Text
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.model import Model
from voucher_selection.domain.parsing import TIMESTAMP, Parsed, parse_timestamp, parse_total_orders
from voucher_selection.domain.rules import last_before_first, zero_orders_with_dates

_INVALID = CODES[InvalidLookup]
_text = TypeAdapter(Text)
_ANSWERS = pa.schema(
    [("segment", pa.string()), ("voucher_amount", pa.float64()), ("problem", pa.string()), ("basis", pa.string())]
)


def output_schema(customer_id: pa.DataType) -> pa.Schema:
    """Return the columns of the output, for customer ids of this type."""
    given = [("customer_id", customer_id), ("country_code", pa.string()), ("segment_name", pa.string())]
    return pa.schema([*map(pa.field, *zip(*given, strict=True)), *_ANSWERS])


def assign(
    rows: pa.RecordBatch,
    model: Model,
    segment_name: str | None,
    customer_id: pa.DataType,
    least_support: int | None = None,
) -> pa.RecordBatch:
    """Return the amount of each customer, or the code of the problem that the API would answer, in the rows' order.

    Parameters
    ----------
    rows
        Columns of `customers.CUSTOMER_COLUMNS`; a missing column is null in every row.
    segment_name
        The segmentation of all rows; None: each row names its own.
    customer_id
        The type of the ids in the output: int64 or string.
    least_support
        The least support of an answer, with the country as the fallback; None: no fallback.

    Returns
    -------
    pa.RecordBatch
        Columns of `output_schema`. `voucher_amount` is in the country's currency. It and its `basis` are null in a row
        with a `problem`.
    """
    ids = _column(rows, "customer_id").cast(customer_id)
    country = _countries(_column(rows, "country_code"), model)
    named = _column(rows, "segment_name") if segment_name is None else pa.repeat(segment_name, rows.num_rows)
    segmentation = _texts(named)
    measured = _measured(rows, model, segmentation)
    is_known = pc.is_in(segmentation, value_set=pa.array(model.segmentations, pa.string()))
    usable = pc.and_(pc.and_(pc.invert(measured.malformed), _short(ids)), pc.and_(country.is_valid(), is_known))
    if least_support is None:  # with a fallback, the country answers a customer whose value is missing
        usable = pc.and_(usable, measured.values.is_valid())
    answers = _answers(model, country, segmentation, measured.values, usable, least_support)
    problem = pc.if_else(usable, answers["problem"], _INVALID)
    return pa.record_batch(
        [
            ids,
            pc.coalesce(country, _plain(_column(rows, "country_code"))),
            pc.coalesce(segmentation, _plain(named)),
            answers["segment"],
            answers["voucher_amount"],
            problem,
            answers["basis"],
        ],
        schema=output_schema(customer_id),
    )


def _column(rows: pa.RecordBatch, name: str) -> pa.Array:
    return rows[name] if name in rows.schema.names else pa.nulls(rows.num_rows, pa.string())


def _short(ids: pa.Array) -> pa.BooleanArray:
    if not is_text(ids.type):
        return pa.repeat(pa.scalar(True), len(ids))
    return pc.fill_null(pc.less_equal(pc.utf8_length(ids), LONGEST_ID), True)


def _plain(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


def _texts(column: pa.Array) -> pa.StringArray:
    """Read texts as a lookup's request does; null where the request would reject them."""

    def read(value: str | None) -> str | None:
        try:
            return _text.validate_python(value)
        except ValidationError:
            return None

    return _once_per_value(column if types.is_dictionary(column.type) else _plain(column), read)


def _countries(column: pa.Array, model: Model) -> pa.StringArray:
    """Return the model's names of countries, and other texts unchanged; null where a lookup would reject the text."""

    def read(value: str | None) -> str | None:
        try:
            return None if value is None else model.country(value)
        except UnknownCountry:
            return value

    return _once_per_value(_texts(column), read)


def _once_per_value(column: pa.Array, read: Callable[[str | None], str | None]) -> pa.StringArray:
    if types.is_dictionary(column.type) and len(column.dictionary) > len(column):
        column = column.dictionary_decode()  # a batch of a large row group uses few of the dictionary's values
    encoded = column.dictionary_encode()
    values = [read(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(values, pa.string()).take(encoded.indices)


def _measured(rows: pa.RecordBatch, model: Model, segmentation: pa.Array) -> Parsed:
    """Return the measured value that each row's segmentation splits by; null if missing.

    As in a request, a row is malformed if any value cannot be read (also one that it does not need), or if values
    contradict each other. The value is also null for a segmentation that the model does not have.
    """
    orders = parse_total_orders(_column(rows, "total_orders"))
    last_order, first_order = (
        parse_timestamp(_column(rows, name), model.time_zone) for name in ("last_order_ts", "first_order_ts")
    )
    malformed = pc.or_(pc.or_(orders.malformed, last_order.malformed), first_order.malformed)
    for contradiction in (
        zero_orders_with_dates(orders.values, last_order.values, first_order.values),
        last_before_first(last_order.values, first_order.values),
    ):
        malformed = pc.or_(malformed, pc.fill_null(contradiction, False))
    # A customer is measured like a row that is given a voucher on CUR_DATE.
    given_on = pa.repeat(pa.scalar(model.cur_date, pa.date32()).cast(TIMESTAMP), rows.num_rows)
    customers = pa.record_batch(
        [given_on, orders.values, last_order.values, first_order.values],
        names=["timestamp", "total_orders", "last_order_ts", "first_order_ts"],
    )
    values = pa.nulls(rows.num_rows, pa.int64())
    for measure in {segmentation.measure for segmentation in model.segmentations.values()}:
        names = [name for name, found in model.segmentations.items() if found.measure is measure]
        asked = pc.is_in(segmentation, value_set=pa.array(names, pa.string()))
        values = pc.if_else(asked, _measured_values(measure, customers, model.cur_date), values)
    return Parsed(values, malformed)


def _measured_values(measure: Measure, customers: pa.RecordBatch, cur_date: date) -> pa.Int64Array:
    counted = measure.of_rows(customers)
    measured = measure.measured(pc.fill_null(counted, 0).to_numpy(), cur_date)
    return pc.if_else(counted.is_valid(), pa.array(measured), pa.scalar(None, pa.int64()))


def _answers(
    model: Model,
    country: pa.Array,
    segmentation: pa.Array,
    value: pa.Array,
    usable: pa.BooleanArray,
    least_support: int | None,
) -> pa.RecordBatch:
    """Look up each distinct (country, segmentation, value) of the usable rows; other rows are null."""
    parts = [column.dictionary_encode(null_encoding="encode") for column in (country, segmentation, value)]
    code = pa.repeat(pa.scalar(0, pa.int64()), len(usable))
    for part in parts:
        code = pc.add(pc.multiply(code, len(part.dictionary)), part.indices.cast(pa.int64()))
    encoded = pc.if_else(usable, code, pa.scalar(None, pa.int64())).dictionary_encode()
    countries, segmentations, values = (part.dictionary.to_pylist() for part in parts)
    answers = []
    for distinct in encoded.dictionary.to_pylist():
        rest, of_value = divmod(distinct, len(values))
        of_country, of_segmentation = divmod(rest, len(segmentations))
        asked = model, countries[of_country], segmentations[of_segmentation], values[of_value], least_support
        answers.append(_answer(*asked))
    return pa.RecordBatch.from_pylist(answers, schema=_ANSWERS).take(encoded.indices)


def _answer(
    model: Model, country: str, segmentation: str, value: int | None, least_support: int | None
) -> dict[str, Any]:
    try:
        mode = model.mode_for(country, segmentation, value, least_support)
    except (UnknownCountry, NoSegment, NoSupport) as error:
        return {"problem": CODES[type(error)]}
    found = Found(model.segmentations[segmentation], value, mode)
    return {"segment": found.segment, "voucher_amount": mode.voucher_amount, "basis": mode.basis}
