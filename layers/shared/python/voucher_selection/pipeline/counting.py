"""Count a history: clean its rows in batches, and count what is kept."""

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from voucher_selection.adapters.parquet.columns import Opener, RowGroups
from voucher_selection.contract.rule_names import Rule
from voucher_selection.domain.counts import Counts, RunningCounts
from voucher_selection.domain.other_countries import summed
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.rules import Cleaned, clean, left_alone
from voucher_selection.domain.totals import Totals
from voucher_selection.pipeline.batches import choose_row_groups, read_batches, read_names


class CleanedBatch(NamedTuple):
    """A cleaned batch with its totals; `first_row` is the index of the batch's first row in the file."""

    cleaned: Cleaned
    totals: Totals
    first_row: int


def count_file(path: str, reading: Reading, batch_rows: int) -> tuple[Counts, Totals]:
    """Count a whole parquet file of a history, without writing anything."""
    metadata = pq.read_metadata(path)
    counts, totals = RunningCounts(), Totals()
    for batch in clean_batches(lambda: path, RowGroups(0, metadata.num_row_groups, 0), reading, batch_rows):
        counts.add(batch.cleaned.kept)
        totals = Totals.sum([totals, batch.totals])
    return counts.total(), totals


def clean_batches(
    open_file: Opener, row_groups: RowGroups, reading: Reading, batch_rows: int
) -> Iterator[CleanedBatch]:
    """Clean row groups of a parquet file, at most `batch_rows` rows at a time, in the order of the rows.

    `open_file` opens the file or returns its path; each thread that reads calls it once.
    """
    metadata = pq.read_metadata(open_file())
    chosen = choose_row_groups(metadata, row_groups, reading.countries)
    if chosen.left_out:
        named = summed([*chosen.named.items(), *read_names(open_file, metadata, chosen.to_name, batch_rows)])
        yield _with_totals(left_alone(chosen.left_out, named), row_groups.first_row)
    for run in chosen.to_clean:
        for batch in read_batches(open_file, metadata, run, batch_rows):
            yield _with_totals(clean(batch.rows, reading), batch.first_row)


def _with_totals(cleaned: Cleaned, first_row: int) -> CleanedBatch:
    return CleanedBatch(cleaned, _totals_of(cleaned), first_row)


def _totals_of(cleaned: Cleaned) -> Totals:
    rejected = {entry["values"]: entry["counts"] for entry in pc.value_counts(cleaned.rejected["rule"]).to_pylist()}
    return Totals(
        rows_read=cleaned.other_country + cleaned.rejected.num_rows + cleaned.kept.num_rows,
        other_country=cleaned.other_country,
        other_countries=cleaned.other_countries,
        rejected={rule: rejected.get(rule.value, 0) for rule in Rule},
        kept=cleaned.kept.num_rows,
        amounts_rounded=cleaned.amounts_rounded,
    )
