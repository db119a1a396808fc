"""Landing: the source's files, untouched, into the lake."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from botocore.exceptions import ClientError

from voucher_selection.adapters.https_sources import land_from_https
from voucher_selection.adapters.lake import Lake, in_parallel, is_missing, is_replaced
from voucher_selection.adapters.landed_files import LandedFile
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.errors import (
    NoParquetFiles,
    SourceChanged,
    SourceNotAllowed,
    SourceNotFound,
)
from voucher_selection.domain.https_limits import HttpsLimits

# `x.parquet`, `x.snappy.parquet`, `x.parquet.gzip`, `x.pq`
_PARQUET_NAME = re.compile(r"\.(parquet|pq)(\.[a-z0-9]+)?$", re.IGNORECASE)
# Where `./quickstart run --source` uploads: `uploads/sha256-0123456789abcdef/day/monday.parquet`
_UPLOADED = re.compile(r"\Auploads/sha256-[0-9a-f]{16}/")


class Landing(NamedTuple):
    """What was landed of a source, and how many of its files were left out because they were known."""

    files: list[LandedFile]
    known: int


class _Found(NamedTuple):
    key: str
    name: str
    etag: str


def land(source: str, lake: Lake, keys: RunKeys, limits: HttpsLimits, known: frozenset[str] = frozenset()) -> Landing:
    """Copy the files of `source` below the run's raw prefix: within S3 by S3 itself, from HTTPS as a stream.

    Parameters
    ----------
    source
        An object or folder `s3://bucket/…`, or a file `https://host/…`.
    limits
        What may be fetched from HTTPS.
    known
        Identities of files to leave out.

    Raises
    ------
    SourceNotFound, NoParquetFiles, SourceNotAllowed, SourceTooLarge, SourceUnavailable
    SourceChanged
        An object was replaced between finding and copying it.
    """
    if source.startswith("s3://"):
        bucket, _, path = source.removeprefix("s3://").partition("/")
        return _land_from_s3(source, bucket, path, lake, keys, known)
    landed = land_from_https(source, lake, keys, limits)
    # Only its content tells, so it has been landed already; what is not planned is not read.
    return Landing([], 1) if landed.identity in known else Landing([landed], 0)


def _land_from_s3(source: str, bucket: str, path: str, lake: Lake, keys: RunKeys, known: frozenset[str]) -> Landing:
    with _explained(source):
        found = _find(source, bucket, path, lake)
    new = [file for file in found if _identity(file, bucket) not in known]
    return Landing(in_parallel(lambda file: _copy(file, bucket, lake, keys), new), len(found) - len(new))


def _copy(file: _Found, bucket: str, lake: Lake, keys: RunKeys) -> LandedFile:
    key, source = keys.raw(file.name), f"s3://{bucket}/{file.key}"
    # Without its tags: copying these takes rights that reading an object does not.
    options = {"CopySourceIfMatch": file.etag, "TaggingDirective": "REPLACE"}
    with _explained(source):
        lake.client.copy({"Bucket": bucket, "Key": file.key}, lake.bucket, key, ExtraArgs=options)
    return LandedFile(key, source, _identity(file, bucket))


def _identity(file: _Found, bucket: str) -> str:
    # An upload is below a digest of its whole folder, which is another when a file was added; the others stay known.
    return f"s3://{bucket}/{_UPLOADED.sub('uploads/', file.key)}#{file.etag.strip('"')}"


def _find(source: str, bucket: str, path: str, lake: Lake) -> list[_Found]:
    """Return the object at `path`, or else the parquet files of the folder there."""
    if path and not path.endswith("/"):
        try:
            head = lake.client.head_object(Bucket=bucket, Key=path)
        except ClientError as error:
            if not is_missing(error):
                raise
        else:
            return [_Found(path, path.rpartition("/")[2], head["ETag"])]
    folder = path if not path or path.endswith("/") else f"{path}/"
    pages = lake.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=folder)
    objects = [found for page in pages for found in page.get("Contents", [])]
    if not objects:
        raise SourceNotFound(f"there is no object and no folder at {source}")
    files = [
        _Found(found["Key"], found["Key"].removeprefix(folder), found["ETag"])
        for found in objects
        if _PARQUET_NAME.search(found["Key"])
    ]
    if not files:
        raise NoParquetFiles(
            f"none of the {len(objects)} objects in {source} is named like a parquet file"
            f" (*.parquet, *.parquet.gzip, *.pq); the first is {objects[0]['Key']}"
        )
    return files


@contextmanager
def _explained(source: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if is_missing(error):
            raise SourceNotFound(f"there is no object at {source} ({code})") from error
        if code in {"403", "AccessDenied", "AllAccessDisabled"}:
            raise SourceNotAllowed(
                f"Ingest may not read {source} ({code}): put the file into the deployment's own bucket under uploads/,"
                " or add its bucket to the stage's source_buckets"
            ) from error
        if is_replaced(error):
            raise SourceChanged(f"{source} was replaced while it was copied: start the run again") from error
        raise
