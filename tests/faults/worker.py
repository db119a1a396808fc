"""A process that puts faults of the corpus through Ingest, Clean and Model, and reports of each how it ended.

It may crash, hang or run out of memory. A line of its input names a fault; a line of its output says how that ended.
"""

import io
import json
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from moto import mock_aws

from infra_cdk.stages import stage
from local.quickstart.proof.reference import answer
from tests.environment import BUCKET, TABLE, function_environment
from tests.faults.corpus import ENDS_RIGHT, Fault, faults, sound_history
from tests.integration.conftest import STARTED, Pipeline
from tests.moto_addresses import addresses_worked_out_once
from tests.moto_items import items_as_they_are
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.stores import s3_client
from voucher_selection.domain.errors import EmptySource, ShardsIncomplete, VoucherSelectionError
from voucher_selection.domain.plans import HistoryPlan
from voucher_selection.domain.totals import Totals
from voucher_selection.pipeline.merging import merge_shards

# What the deployed Clean has in all: here, what it may take besides the interpreter and its libraries.
_MEMORY = 1792 * 2**20


class Ended(NamedTuple):
    """How a run over a fault ended.

    Attributes
    ----------
    error, message
        `ENDS_RIGHT`, or the error's class; and what it says.
    is_named, names_source
        Whether it is one of our errors, and names a file, or the source where all of that is empty.
    as_before
        Whether the model that was served is served unchanged, and the run has published nothing.
    rows_read, accounted_for
        Of a run that ended right: the rows read, and the sum of what became of them.
    footer_rows
        What the files' footers say.
    right_counts
        Whether the rows are counted as the reference counts them; None where the reader sees other values than those
        of the sound history.
    """

    error: str
    message: str = ""
    is_named: bool = False
    names_source: bool = False
    as_before: bool = False
    rows_read: int = 0
    accounted_for: int = 0
    footer_rows: int = 0
    right_counts: bool | None = None


def main() -> None:
    """Report of each fault that is named on standard input."""
    corpus = faults()
    # What the handlers write on standard output, metrics, is not for whoever started this.
    quietly = redirect_stdout(sys.stderr)
    with quietly, items_as_they_are(), addresses_worked_out_once(), _served_pipeline() as pipeline:
        at_first = set(pipeline.lake.list(""))
        for number, line in enumerate(sys.stdin):
            ended = _ended(pipeline, f"fault-{number}", corpus[json.loads(line)])
            _delete(pipeline.lake, set(pipeline.lake.list("")) - at_first)
            print(json.dumps(ended._asdict()), file=sys.__stdout__, flush=True)


@contextmanager
def _served_pipeline() -> Iterator[Pipeline]:
    os.environ.update(function_environment(batch_rows=stage("local").batch_rows))  # batches as deployed
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        keys = {"pk": "HASH", "sk": "RANGE"}
        _table().create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        pipeline = Pipeline(Lake(BUCKET, s3_client()))
        content = io.BytesIO()
        pq.write_table(sound_history(), content)
        pipeline.lake.client.put_object(Bucket=BUCKET, Key="uploads/sound.parquet", Body=content.getvalue())
        pipeline.run("sound", {"source": f"s3://{BUCKET}/uploads/sound.parquet"}, STARTED)
        yield pipeline


def _ended(pipeline: Pipeline, run_id: str, fault: Fault) -> Ended:
    files = fault.files()
    for name, content in files.items():
        pipeline.lake.client.put_object(Bucket=BUCKET, Key=f"uploads/{run_id}/{name}", Body=content)
    before = _published(pipeline.lake)
    with _limited_memory():
        try:
            totals = _run(pipeline, run_id)
        except Exception as error:  # noqa: BLE001 - which errors there are is what is asked
            refused = _refused(error, [f"{run_id}/{name}" for name in files])
            totals = None
    as_before = _published(pipeline.lake) == before
    return (
        refused._replace(as_before=as_before) if totals is None else _right(totals, files)._replace(as_before=as_before)
    )


def _delete(lake: Lake, keys: set[str]) -> None:
    """Delete what a run has left, of which there is ever more: moto looks through all objects to list a few."""
    lake.client.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in sorted(keys)]})


def _refused(error: Exception, files: list[str]) -> Ended:
    message = str(error)
    nameable = [file.rpartition("/")[0] for file in files] if isinstance(error, EmptySource) else files
    return Ended(
        type(error).__name__,
        message,
        is_named=isinstance(error, VoucherSelectionError),
        names_source=any(name in message for name in nameable),
    )


def _right(totals: Totals, files: dict[str, bytes]) -> Ended:
    became = totals.rejected | {"other_country": totals.other_country, "kept": totals.kept}
    return Ended(
        ENDS_RIGHT,
        is_named=True,
        rows_read=totals.rows_read,
        accounted_for=sum(became.values()),
        footer_rows=sum(pq.read_metadata(io.BytesIO(content)).num_rows for content in files.values()),
        right_counts=_is_right({str(name): rows for name, rows in became.items() if rows}, list(files.values())),
    )


def _run(pipeline: Pipeline, run_id: str) -> Totals:
    """Return the totals of a run; of one that cannot be cleaned, have Model refuse it as well, and raise why."""
    planned = pipeline.ingest(run_id, {"source": f"s3://{BUCKET}/uploads/{run_id}/"})
    try:
        pipeline.clean(planned)
    except Exception:
        with suppress(ShardsIncomplete):
            pipeline.model(run_id)
        raise
    plan = pipeline.lake.read_json(RunKeys(run_id).plan, HistoryPlan)
    return merge_shards(pipeline.lake, plan).totals


def _published(lake: Lake) -> tuple[Any, ...]:
    """Return what is served, how many items the catalog has, and every object that is published."""
    pointer = _table().get_item(TableName=TABLE, Key={"pk": {"S": "MODEL"}, "sk": {"S": "SERVED"}})["Item"]
    items = _table().scan(TableName=TABLE, Select="COUNT")["Count"]
    return pointer, items, list(lake.list("production/"))


@cache
def _table() -> Any:
    return boto3.client("dynamodb")


def _is_right(found: dict[str, int], contents: list[bytes]) -> bool | None:
    """Compare with the reference's answer, where the one file holds the sound history."""
    file = io.BytesIO(contents[0])
    if len(contents) > 1 or pq.read_metadata(file).num_rows != sound_history().num_rows:
        return None
    try:
        table = pq.read_table(file, columns=sound_history().column_names)
    except (pa.ArrowException, OSError):
        return None
    if not table.equals(sound_history()):
        return None
    fates, _ = answer(sound_history(), "Peru", date(2018, 9, 15))
    return found == dict(fates)


@contextmanager
def _limited_memory() -> Iterator[None]:
    """Refuse the process more address space than it has and the memory of a Clean."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + _MEMORY, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))


if __name__ == "__main__":
    main()
