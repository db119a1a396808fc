"""Recorded requests: what Clean asks of S3 for one shard, and when."""

import io
import time
from pathlib import Path
from threading import Lock
from typing import Any, Literal, NamedTuple

import pyarrow.parquet as pq

from infra_cdk.stages import stage
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.history import COLUMN_NAMES
from voucher_selection.domain.plans import Shard, ShardPart
from voucher_selection.domain.reading import Reading
from voucher_selection.pipeline.cleaning import clean_shard

type Method = Literal["GET", "PUT"]

_RUN_ID = "bench"
_ETAG = "etag"


class Request(NamedTuple):
    """A request: when, as a share of the time that the shard took; where, as a folder without the run's; its bytes."""

    at: float
    method: Method
    folder: str
    size: int


class RecordedShard(NamedTuple):
    """A shard: a file of `read_bytes`, the processor's seconds that it took, and its requests."""

    rows: int
    read_bytes: int
    chunks: int
    cpu_seconds: float
    requests: list[Request]

    def number(self, method: Method) -> int:
        """Return the number of requests of a method."""
        return sum(request.method == method for request in self.requests)

    def written(self, *folders: str) -> float:
        """Return the bytes per row that are written to folders."""
        sizes = (it.size for it in self.requests if it.method == "PUT" and it.folder.startswith(folders))
        return sum(sizes) / self.rows


def record_clean(file: Path, country: str) -> RecordedShard:
    """Clean a whole file as one shard, and record its requests."""
    metadata = pq.read_metadata(file)
    key = RunKeys(_RUN_ID).raw("history.parquet")
    part = ShardPart(
        key=key,
        etag=_ETAG,
        first_row_group=0,
        end_row_group=metadata.num_row_groups,
        first_row=0,
        rows=metadata.num_rows,
        size=file.stat().st_size,
    )
    client: Any = _RecordingS3(file)
    started, cpu_started = time.perf_counter(), time.process_time()
    shard = Shard(number=0, parts=(part,))
    clean_shard(Lake("lake", client), _RUN_ID, shard, Reading((country,)), stage("dev").batch_rows)
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu_started
    return RecordedShard(
        rows=metadata.num_rows,
        read_bytes=file.stat().st_size,
        chunks=metadata.num_row_groups * len(COLUMN_NAMES),
        cpu_seconds=cpu_seconds,
        requests=[found._replace(at=(found.at - started) / seconds) for found in client.requests],
    )


class _RecordingS3:
    """S3 with one object; what is written to it is only recorded."""

    def __init__(self, file: Path) -> None:
        self.requests: list[Request] = []
        self._file = file
        self._lock = Lock()

    def get_object(self, *, Bucket: str, Key: str, Range: str, IfMatch: str) -> dict[str, Any]:  # noqa: ARG002, N803 - S3's names
        first, last = map(int, Range.removeprefix("bytes=").split("-"))
        self._record("GET", Key, last + 1 - first)
        with self._file.open("rb") as content:
            content.seek(first)
            return {"Body": io.BytesIO(content.read(last + 1 - first))}

    def put_object(self, *, Key: str, Body: Any, **_: str) -> dict[str, str]:  # noqa: ANN401, N803 - S3's
        content = Body if isinstance(Body, bytes) else Body.read()
        self._record("PUT", Key, len(content))
        return {"ETag": _ETAG}

    def _record(self, method: Method, key: str, size: int) -> None:
        folder = key.rpartition("/")[0].replace(f"run_id={_RUN_ID}", "").replace("//", "/").strip("/")
        with self._lock:
            self.requests.append(Request(time.perf_counter(), method, folder, size))
