"""The lake on S3: read and write its objects, and check that they have not changed since they were written."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, override

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import (
    ClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from pydantic import BaseModel, TypeAdapter, ValidationError

from voucher_selection.adapters.run_keys import what_to_do
from voucher_selection.adapters.s3_errors import address_of, is_missing, is_replaced, named_refusals
from voucher_selection.adapters.seekable import SeekableFile
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import LakeUnavailable, ObjectAltered, ObjectMissing, SourceChanged
from voucher_selection.domain.measures import Measure
from voucher_selection.domain.stored_objects import StoredCounts, StoredObject, StoredRows
from voucher_selection.domain.validation import describe

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef, ObjectTypeDef

PARALLEL_REQUESTS = 32
"""How many requests to S3 run at once: enough to hide its latency, few enough for the smallest function's memory."""
COPIES_AT_ONCE = 500
"""How many requests have S3 copy at once: each copies some 60 MB a second, and the function only waits.

A function of Lambda may have 1,024 threads and as many open files."""
# botocore repeats a request until its answer begins. If the body breaks off later, it only raises one of these.
_BROKEN_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
_READ_ATTEMPTS = 5
# Files up to this size take one request, which returns the ETag (S3's limit is 5 GiB). Larger ones are uploaded in
# parts, and only their size is recorded.
_LARGEST_PUT = 1024**3
_PARQUET = "application/vnd.apache.parquet"
_LONGEST_PAUSE = 1.0  # seconds, before the next attempt


class Listed(NamedTuple):
    """An object in S3's list: its size in bytes, and its ETag, which changes with the content."""

    size: int
    etag: str


class Lake:
    """The objects of one bucket.

    Every method raises `LakeUnavailable` if S3 does not answer, and `LakeRefused` if it denies the request. Those that
    read raise `ObjectMissing` if an object does not exist; and `ObjectAltered` if it has another form than expected, or
    differs from `written`, the record of it as it was written (None: only its form is checked).
    """

    def __init__(self, bucket: str, client: "S3Client") -> None:
        self.bucket = bucket
        self.client = client

    def open(self, key: str, etag: str | None = None, size: int | None = None, source: str | None = None) -> "S3File":
        """Open an object to read any part of it, by ranged requests; see `S3File`."""
        return S3File(self.client, self.bucket, key, etag, size, source)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys below `prefix`, in order."""
        return (found["Key"] for found in self._found(prefix))

    def listed(self, prefix: str) -> dict[str, Listed]:
        """Return the size and ETag of the objects below `prefix`, by key."""
        return {found["Key"]: Listed(found["Size"], found["ETag"]) for found in self._found(prefix)}

    def beginnings(self, prefix: str, end: str) -> set[str]:
        """Return how the keys below `prefix` begin: each up to the first `end`, a character, or whole without one."""
        with named_refusals(self.bucket, prefix):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, Delimiter=end
            )
            return {
                found
                for page in pages
                for found in (
                    *(common["Prefix"] for common in page.get("CommonPrefixes", [])),
                    *(each["Key"] for each in page.get("Contents", [])),
                )
            }

    def read_json[T](self, key: str, kind: type[T], written: StoredObject | None = None) -> T:
        """Read a JSON object as `kind`, and check it."""
        content = self._read(key)
        self._check(key, written.difference(content) if written else None)
        try:
            return TypeAdapter(kind).validate_json(content)
        except ValidationError as error:
            fault = "; ".join(describe(error))
            older = "an older version may have written it"
            raise self._altered(key, f"it cannot be read as {_name_of(kind)} ({fault}); {older}") from error

    def stored(self, key: str) -> StoredObject:
        """Return the record of an object as it is now, so that later readers can check it."""
        return StoredObject.of(self._read(key))

    def read_json_if_there[T](self, key: str, kind: type[T]) -> T | None:
        """Read a JSON object as `kind`; None if it does not exist."""
        try:
            return self.read_json(key, kind)
        except ObjectMissing:
            return None

    def write_json(self, key: str, value: BaseModel | Mapping[str, Any] | Iterable[BaseModel]) -> StoredObject:
        """Write a pydantic model, a list of them, or a document as JSON."""
        serializable = value if isinstance(value, BaseModel | Mapping) else list(value)
        return self._write(key, TypeAdapter(Any).dump_json(serializable, indent=1), "application/json")

    def write_table(self, key: str, table: pa.Table) -> StoredObject:
        """Write a small table as parquet."""
        buffer = pa.BufferOutputStream()
        pq.write_table(table, buffer, compression="zstd")
        return self._write(key, buffer.getvalue().to_pybytes(), _PARQUET)

    def write_rows(self, key: str, content: bytes) -> Listed:
        """Write the content of a parquet file of rows, and return its size and ETag."""
        with named_refusals(self.bucket, key):
            answer = self.client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=_PARQUET)
        return Listed(len(content), answer["ETag"])

    def upload(self, key: str, file: Path, rows: int | None = None) -> StoredRows:
        """Upload a file of rows, and return the record of it; without their number, it is a parquet file."""
        size = file.stat().st_size
        with named_refusals(self.bucket, key):
            etag = self._put(key, file) if size <= _LARGEST_PUT else None
            if etag is None:  # the function may not ask S3 for the ETag: it has no right to read
                self.client.upload_file(str(file), self.bucket, key)
        return StoredRows(rows=pq.read_metadata(file).num_rows if rows is None else rows, size=size, etag=etag)

    def write_counts(self, key: str, counts: Counts) -> StoredCounts:
        """Write counts, and return the record of them."""
        return StoredCounts(object=self.write_table(key, counts.table), rows=counts.rows)

    def read_counts(self, key: str, written: StoredCounts) -> Counts:
        """Read counts, and check them."""
        content = self._read(key)
        self._check(key, written.object.difference(content))
        counts = Counts(self._table(key, content))
        self._check(key, next(counts.faults(), None) or _difference(counts.rows, written.rows))
        return counts

    def _put(self, key: str, file: Path) -> str:
        with file.open("rb") as content:
            return self.client.put_object(Bucket=self.bucket, Key=key, Body=content)["ETag"]

    def _table(self, key: str, content: bytes) -> pa.Table:
        try:
            # Runs read thousands of small tables. `pq.read_table` also prepares datasets, which would take longer.
            return pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise self._altered(key, f"it cannot be read as parquet ({error})") from error

    def _check(self, key: str, fault: str | None) -> None:
        if fault is not None:
            raise self._altered(key, fault)

    def _altered(self, key: str, fault: str) -> ObjectAltered:
        return ObjectAltered(f"s3://{self.bucket}/{key} has changed since it was written: {fault}; {what_to_do(key)}")

    def _found(self, prefix: str) -> "Iterator[ObjectTypeDef]":
        with named_refusals(self.bucket, prefix):
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                yield from page.get("Contents", [])

    def _read(self, key: str) -> bytes:
        with named_refusals(self.bucket, key):
            return _read_whole(lambda: self.client.get_object(Bucket=self.bucket, Key=key), f"s3://{self.bucket}/{key}")

    def _write(self, key: str, content: bytes, content_type: str) -> StoredObject:
        with named_refusals(self.bucket, key):
            self.client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType=content_type)
        return StoredObject.of(content)


def _difference(counted: dict[Measure, int], written: dict[Measure, int]) -> str | None:
    differing = [measure for measure in Measure if counted.get(measure) != written.get(measure)]
    named = "; ".join(f"{counted.get(m, 0):,} rows by {m}, expected {written.get(m, 0):,}" for m in differing)
    return f"it counts {named}" if differing else None


def _name_of(kind: type) -> str:
    return getattr(kind, "__name__", str(kind)) if not get_args(kind) else f"a list of {get_args(kind)[0].__name__}"


class S3File(SeekableFile):
    """An S3 object as a file with random access; each read is one ranged request.

    Parameters
    ----------
    client, bucket, key
        The object, and a client of S3.
    etag
        The ETag of the expected content; None: that of the content at opening. Every read asks for the same content.
    size
        The size in bytes, if known. If `etag` and `size` are given, opening sends no request to S3.
    source
        The address that the object was copied from. Errors name it first.

    Raises
    ------
    SourceChanged
        At opening or reading: the object was replaced or removed.
    LakeUnavailable, LakeRefused
        At opening or reading: S3 does not deliver the object.
    """

    def __init__(
        self,
        client: "S3Client",
        bucket: str,
        key: str,
        etag: str | None = None,
        size: int | None = None,
        source: str | None = None,
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._key = key
        self._source = source
        self._address = address_of(bucket, key, source)
        if etag is None or size is None:
            etag, size = self._head(etag)
        super().__init__(size)
        self.etag = etag

    def _head(self, etag: str | None) -> tuple[str, int]:
        expected: dict[str, Any] = {"IfMatch": etag} if etag else {}
        with named_refusals(self._bucket, self._key, self._source), _unchanged(self._address):
            head = self._client.head_object(Bucket=self._bucket, Key=self._key, **expected)
        return head["ETag"], head["ContentLength"]

    @override
    def fetch(self, start: int, end: int) -> bytes:
        span = f"bytes={start}-{end - 1}"
        with named_refusals(self._bucket, self._key, self._source), _unchanged(self._address):
            return _read_whole(lambda: self._get(span), self._address, end - start)

    def _get(self, span: str) -> "GetObjectOutputTypeDef":
        return self._client.get_object(Bucket=self._bucket, Key=self._key, Range=span, IfMatch=self.etag)


def _read_whole(ask: "Callable[[], GetObjectOutputTypeDef]", address: str, size: int | None = None) -> bytes:
    """Return the body of an answer, of `size` bytes (None: as its header says); if it breaks off, ask again."""
    for _ in range(_READ_ATTEMPTS):
        answer = ask()
        try:
            content = answer["Body"].read()
        except _BROKEN_OFF as error:
            fault = str(error)
        else:
            if size is None or len(content) == size:
                return content
            fault = f"expected {size} bytes, got {len(content)}"
        time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - nothing secret
    raise LakeUnavailable(
        f"{address} broke off {_READ_ATTEMPTS} times while it was read ({fault}): start the run again"
    )


@contextmanager
def _unchanged(address: str) -> Iterator[None]:
    """Turn S3's refusal of a missing or replaced object into an error that names the object."""
    try:
        yield
    except ClientError as error:
        if not (is_missing(error) or is_replaced(error)):
            raise
        raise SourceChanged(
            f"{address} was {'removed' if is_missing(error) else 'replaced'} after Ingest read it:"
            " start the run again, and let nothing else write there"
        ) from error


def in_parallel[Item, Result](work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Call `work` on every item, `PARALLEL_REQUESTS` at a time; the results are in the order of the items."""
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        return list(pool.map(work, items))
