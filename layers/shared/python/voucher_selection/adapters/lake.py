"""The lake on S3: how its objects are read and written."""

import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's, which is not Python's
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from pydantic import BaseModel, TypeAdapter

from voucher_selection.adapters.seekable import SeekableFile
from voucher_selection.domain.counts import Counts
from voucher_selection.domain.errors import LakeUnavailable, SourceChanged

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import GetObjectOutputTypeDef, ObjectTypeDef

# Requests under way at once: enough to hide S3's latency, few enough for the smallest function's memory.
PARALLEL_REQUESTS = 32
# botocore repeats a request until its answer begins; of what comes after that it only says that it broke off.
_BROKEN_OFF = (IncompleteReadError, ReadTimeoutError, ResponseStreamingError)
_READ_ATTEMPTS = 5
_LONGEST_PAUSE = 1.0  # seconds, before the next attempt


class Lake:
    """The objects of one bucket.

    Parameters
    ----------
    bucket
        The bucket's name.
    """

    def __init__(self, bucket: str) -> None:
        self.bucket = bucket
        config = Config(retries={"mode": "standard", "max_attempts": 5}, max_pool_connections=PARALLEL_REQUESTS)
        self.client: S3Client = boto3.client("s3", config=config)

    def open(self, key: str, etag: str | None = None, size: int | None = None, source: str | None = None) -> "S3File":
        """Open an object for reading at any place, by ranged requests; see `S3File`."""
        return S3File(self.client, self.bucket, key, etag, size, source)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys below `prefix`, in order."""
        return (found["Key"] for found in self._found(prefix))

    def sizes(self, prefix: str) -> dict[str, int]:
        """Return the sizes, in bytes, of the objects below `prefix`, by key."""
        return {found["Key"]: found["Size"] for found in self._found(prefix)}

    def read_json[T](self, key: str, kind: type[T]) -> T:
        """Read a JSON object as `kind`, checked."""
        return TypeAdapter(kind).validate_json(self._read(key))

    def read_json_if_there[T](self, key: str, kind: type[T]) -> T | None:
        """Read a JSON object as `kind`; None where there is no such object."""
        try:
            return self.read_json(key, kind)
        except ClientError as error:
            if is_missing(error):
                return None
            raise

    def write_json(self, key: str, value: BaseModel | Iterable[BaseModel]) -> None:
        """Write a model, or a list of them, as JSON."""
        serializable = value if isinstance(value, BaseModel) else list(value)
        body = TypeAdapter(Any).dump_json(serializable, indent=1)
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body, ContentType="application/json")

    def write_table(self, key: str, table: pa.Table) -> None:
        """Write a small table as parquet."""
        buffer = pa.BufferOutputStream()
        pq.write_table(table, buffer, compression="zstd")
        self.client.put_object(Bucket=self.bucket, Key=key, Body=buffer.getvalue().to_pybytes())

    def upload(self, key: str, file: Path) -> None:
        """Upload a file, in parts where it is large."""
        self.client.upload_file(str(file), self.bucket, key)

    def write_counts(self, keys: tuple[str, str], counts: Counts) -> None:
        """Write both count tables, under the keys of the frequency and of the recency counts."""
        for key, table in zip(keys, counts, strict=True):
            self.write_table(key, table)

    def read_counts(self, keys: tuple[str, str]) -> Counts:
        """Read both count tables."""
        # Thousands of small tables: what `pq.read_table` adds for datasets takes longer than reading them.
        return Counts(*(pq.ParquetFile(pa.BufferReader(self._read(key))).read(use_threads=False) for key in keys))

    def _found(self, prefix: str) -> "Iterator[ObjectTypeDef]":
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            yield from page.get("Contents", [])

    def _read(self, key: str) -> bytes:
        return _read_whole(lambda: self.client.get_object(Bucket=self.bucket, Key=key), f"s3://{self.bucket}/{key}")


class S3File(SeekableFile):
    """An S3 object as a file that can be read at any place; each read is one ranged request.

    Parameters
    ----------
    client, bucket, key
        Where the object is.
    etag
        That of the content expected; without it, what is there when it is opened. Every read asks for the same.
    size
        In bytes, where it is known; with both, nothing is asked of S3 before the first read.
    source
        What the object is a copy of, to be named first where something is wrong.

    Raises
    ------
    SourceChanged
        When it is opened or read: the object was replaced or removed.
    LakeUnavailable
        The same: S3 does not deliver it.
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
        address = f"s3://{bucket}/{key}"
        self._address = f"{source}: its copy {address}" if source else address
        if etag is None or size is None:
            etag, size = self._head(etag)
        super().__init__(size)
        self.etag = etag

    def _head(self, etag: str | None) -> tuple[str, int]:
        expected: dict[str, Any] = {"IfMatch": etag} if etag else {}
        with _unchanged(self._address), _reached(self._address):
            head = self._client.head_object(Bucket=self._bucket, Key=self._key, **expected)
        return head["ETag"], head["ContentLength"]

    @override
    def read(self, size: int | None = -1) -> bytes:
        wanted = self.size - self._position if size is None or size < 0 else size
        end = min(self._position + wanted, self.size)
        if end <= self._position:
            return b""
        span = f"bytes={self._position}-{end - 1}"
        with _unchanged(self._address):
            content = _read_whole(lambda: self._get(span), self._address, end - self._position)
        self._position = end
        return content

    def _get(self, span: str) -> "GetObjectOutputTypeDef":
        return self._client.get_object(Bucket=self._bucket, Key=self._key, Range=span, IfMatch=self.etag)


def _read_whole(ask: "Callable[[], GetObjectOutputTypeDef]", address: str, size: int | None = None) -> bytes:
    """Return the body of an answer, asking again where it breaks off.

    Parameters
    ----------
    size
        How many bytes it must have; without it, as many as the answer's header says.

    Raises
    ------
    LakeUnavailable
        There was no answer, or none was whole.
    """
    for _ in range(_READ_ATTEMPTS):
        with _reached(address):
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
def _reached(address: str) -> Iterator[None]:
    """Name the object where there is no answer: botocore's timeouts pass for errors of a damaged file (`OSError`)."""
    try:
        yield
    except (ConnectionError, HTTPClientError) as error:
        raise LakeUnavailable(f"{address} could not be reached ({error}): start the run again") from error


@contextmanager
def _unchanged(address: str) -> Iterator[None]:
    """Name the object where it is not, or no longer, the one that was asked for."""
    try:
        yield
    except ClientError as error:
        if not (is_missing(error) or is_replaced(error)):
            raise
        raise SourceChanged(
            f"{address} is no longer what Ingest has read: it was {'removed' if is_missing(error) else 'replaced'}"
            " meanwhile; start the run again, and let nothing else write there"
        ) from error


def is_replaced(error: ClientError) -> bool:
    """Tell whether S3 answered that an object has another ETag than it was asked for with."""
    return error.response.get("Error", {}).get("Code") in {"412", "PreconditionFailed"}


def is_missing(error: ClientError) -> bool:
    """Tell whether S3 answered that there is no such object or bucket."""
    return error.response.get("Error", {}).get("Code") in {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


def is_denied(error: ClientError) -> bool:
    """Tell whether S3 answered that this may not be read."""
    return error.response.get("Error", {}).get("Code") in {"403", "AccessDenied", "AllAccessDisabled"}


def in_parallel[Item, Result](work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Do `work` on every item, many requests at once; the results are in the order of the items."""
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        return list(pool.map(work, items))
