"""The lake on S3: how its objects are read and written."""

import io
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, override

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.config import Config
from botocore.exceptions import ClientError
from pydantic import BaseModel, TypeAdapter

from voucher_selection.counts import Counts

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Requests under way at once: enough to hide S3's latency, few enough for the smallest function's memory.
PARALLEL_REQUESTS = 32


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

    def open(self, key: str) -> "S3File":
        """Open an object for reading at any place, by ranged requests."""
        return S3File(self.client, self.bucket, key)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys below `prefix`, in order."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for found in page.get("Contents", []):
                yield found["Key"]

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

    def _read(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()


class S3File(io.RawIOBase):
    """An S3 object as a file that can be read at any place; each read is one ranged request.

    Parameters
    ----------
    client, bucket, key
        Where the object is. It must not be replaced while it is read: every request asks for the version opened.
    """

    def __init__(self, client: "S3Client", bucket: str, key: str) -> None:
        super().__init__()
        self._client = client
        self._bucket = bucket
        self._key = key
        head = client.head_object(Bucket=bucket, Key=key)
        self.size = head["ContentLength"]
        self._etag = head["ETag"]
        self._position = 0

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._position

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = start + offset
        return self._position

    @override
    def read(self, size: int | None = -1) -> bytes:
        wanted = self.size - self._position if size is None or size < 0 else size
        end = min(self._position + wanted, self.size)
        if end <= self._position:
            return b""
        found = self._client.get_object(
            Bucket=self._bucket, Key=self._key, Range=f"bytes={self._position}-{end - 1}", IfMatch=self._etag
        )
        content = found["Body"].read()
        self._position += len(content)
        return content


def is_missing(error: ClientError) -> bool:
    """Tell whether S3 answered that there is no such object or bucket."""
    return error.response.get("Error", {}).get("Code") in {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}


def in_parallel[Item, Result](work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Do `work` on every item, many requests at once; the results are in the order of the items."""
    with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
        return list(pool.map(work, items))
