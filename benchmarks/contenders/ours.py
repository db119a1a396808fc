"""The product: its counting by itself, and the whole of Clean with a folder in the place of the bucket."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.answer import Answer
from benchmarks.folder_lake import FolderLake
from infra_cdk.stages import stage
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.plans import Shard, ShardPart
from voucher_selection.domain.reading import Reading
from voucher_selection.domain.totals import Totals
from voucher_selection.pipeline.cleaning import clean_shard
from voucher_selection.pipeline.counting import count_file

BATCH_ROWS = stage("dev").batch_rows


def count(file: Path, country: str) -> Answer:
    """Count the history, and write nothing."""
    counts, totals = count_file(str(file), Reading((country,)), BATCH_ROWS)
    return _answer(counts, totals)


def write(file: Path, country: str, folder: Path) -> Answer:
    """Count the history, and write its kept and its rejected rows into the folder."""
    metadata = pq.read_metadata(file)
    part = ShardPart(
        key=str(file),
        etag="",
        first_row_group=0,
        end_row_group=metadata.num_row_groups,
        first_row=0,
        rows=metadata.num_rows,
    )
    lake = FolderLake(folder)
    totals = clean_shard(lake, "bench", Shard(number=0, parts=(part,)), Reading((country,)), BATCH_ROWS)
    return _answer(lake.read_counts(RunKeys("bench").counts(0), totals.counts), totals)


def _answer(counts: Counts, totals: Totals) -> Answer:
    table = counts.table.drop_columns(["country_code"])
    day = table["assigned_on"].cast(pa.int32())
    columns = [day, *(table[name] for name in table.column_names[1:])]
    rejected = {str(rule): rows for rule, rows in totals.rejected.items()}
    return Answer(totals.kept, rejected, zip(*(column.to_pylist() for column in columns), strict=True))
