"""The quarantine: rejected rows as text, so that those of any run are one table, in a folder for every rule."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from voucher_selection.domain.history import COLUMN_NAMES, value_type
from voucher_selection.domain.rule_names import Rule

SCHEMA = pa.schema([(name, pa.string()) for name in COLUMN_NAMES] + [("file", pa.string()), ("row", pa.int64())])


def split(rejected: pa.RecordBatch, file: str, first_row: int) -> Iterator[tuple[Rule, pa.RecordBatch]]:
    """Yield the rows of each rule that has some, with the columns of `SCHEMA`.

    Parameters
    ----------
    rejected
        As `rules.clean` returns them: the columns of the history in the types of their file, `rule` and `row`.
    file, first_row
        Where they came from: the key of the landed file, and the index in it of the batch's first row. `row` of the
        result is an index in the file, from 0.
    """
    for rule in Rule:
        of_rule = rejected.filter(pc.equal(rejected["rule"], rule.value))
        if of_rule.num_rows:
            columns = [_as_text(of_rule[name]) for name in COLUMN_NAMES]
            row = pc.add(of_rule["row"], first_row)
            yield rule, pa.record_batch([*columns, pa.repeat(file, len(row)), row], schema=SCHEMA)


def _as_text(values: pa.Array) -> pa.StringArray:
    """Write values as text that says the same; a string stays what it is, a time with a time zone becomes UTC."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(value_type(values.type))
    if pa.types.is_timestamp(values.type) and values.type.tz:
        # Arrow would look the zone up in a database that a Lambda may not have.
        in_utc = values.cast(pa.timestamp(values.type.unit)).cast(pa.string())
        return pc.binary_join_element_wise(in_utc, "Z", "")
    return values.cast(pa.string())
