"""The quarantine: rejected rows as text, so that the rows of all runs form one table, with a folder for every rule."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.history import COLUMN_NAMES, value_type

SCHEMA = pa.schema([(name, pa.string()) for name in COLUMN_NAMES] + [("file", pa.string()), ("row", pa.int64())])

_RULES = pa.array([rule.value for rule in Rule])


def split(rejected: pa.RecordBatch, file: str, first_row: int) -> Iterator[tuple[Rule, pa.RecordBatch]]:
    """Yield the rejected rows by rule, for each rule that rejected some, with the columns of `SCHEMA`.

    Parameters
    ----------
    rejected
        The rows that `rules.clean` rejected: the columns of the history in the types of their file, `rule` and `row`.
    file, first_row
        The key of the landed file, and the index of the batch's first row in it. `row` of the result is an index in the
        file, from 0.
    """
    columns = [_as_text(rejected[name]) for name in COLUMN_NAMES]
    row = pc.add(rejected["row"], first_row)
    rows = pa.record_batch([*columns, pa.repeat(file, len(row)), row], schema=SCHEMA)
    # All rows become text at once. Those of a rule are copied, so that none keeps the others in memory.
    rule_of = pc.index_in(rejected["rule"], value_set=_RULES).to_numpy()
    for place, rule in enumerate(Rule):
        of_rule = np.flatnonzero(rule_of == place)
        if len(of_rule):
            yield rule, rows.take(pa.array(of_rule))


def _as_text(values: pa.Array) -> pa.StringArray:
    """Write values as text. A string stays unchanged; a time with a time zone is written in UTC."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(value_type(values.type))
    if pa.types.is_timestamp(values.type) and values.type.tz:
        # Arrow would look up the zone in a database that a Lambda may lack.
        in_utc = values.cast(pa.timestamp(values.type.unit)).cast(pa.string())
        return pc.binary_join_element_wise(in_utc, "Z", "")
    return values.cast(pa.string())
