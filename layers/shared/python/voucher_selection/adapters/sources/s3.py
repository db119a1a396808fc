"""S3 sources: objects that S3 copies into the lake."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from s3transfer.exceptions import S3CopyFailedError
from s3transfer.futures import TransferFuture
from s3transfer.manager import TransferConfig, TransferManager

from voucher_selection.adapters.error_codes import code_of
from voucher_selection.adapters.lake import COPIES_AT_ONCE, PARALLEL_REQUESTS, Lake, in_parallel
from voucher_selection.adapters.run_keys import OWN_FOLDERS, RunKeys
from voucher_selection.adapters.s3_errors import is_denied, is_missing, is_replaced, named_refusals
from voucher_selection.adapters.sources.landed_files import LandedFile, Landing, values_in
from voucher_selection.adapters.sources.s3_objects import SourceObject, find_named, find_objects
from voucher_selection.domain.errors import SourceChanged, SourceNotAllowed, SourceNotFound, SourceUnavailable
from voucher_selection.domain.plans import KnownFile, LeftOut
from voucher_selection.domain.s3_addresses import S3Address

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CopySourceTypeDef

# An object up to the least size is copied at once with few others: S3 limits how many it writes a second. Of larger
# ones, parts are as large as keeps all requests at work. A request copies 5 GiB at most, which would take longer than
# the client waits for an answer.
_LEAST_PART_BYTES = 64 * 1024 * 1024
_MOST_PART_BYTES = 1024 * 1024 * 1024
# Where `./quickstart run --source` uploads: `uploads/sha256-0123456789abcdef/day/monday.parquet`
_UPLOADED = re.compile(r"\Auploads/sha256-[0-9a-f]{16}/")


def land_from_s3(
    source: S3Address, lake: Lake, keys: RunKeys, known: frozenset[str], names: Sequence[str] | None = None
) -> Landing:
    """Copy the object, or the files to read of the folder, at `source`, except those whose identity is known.

    `names` are the only files of the folder to copy.

    Raises
    ------
    SourceNotFound, NoDataFiles, TableFormat
        `find_objects` says why.
    SourceNotAllowed
        Ingest may not read it, or runs of this deployment write there.
    SourceChanged
        An object was replaced after it was found and before it was copied.
    SourceUnavailable
        An object is archived.
    LakeRefused, LakeUnavailable
        S3 refuses a copy, or does not answer.
    """
    _check_not_our_own(source, lake)
    with named_refusals(source.bucket, source.key), _naming_source(str(source)):
        objects, left_out = find_objects(source, lake) if names is None else (find_named(source, names, lake), [])
    files = [KnownFile(source=str(found.address), identity=_identity(found)) for found in objects]
    new = [(found, file) for found, file in zip(objects, files, strict=True) if file.identity not in known]
    with TransferManager(lake.client, _in_parts([found for found, _ in new])) as manager:
        begun = [_begun(found, lake, keys, manager) for found, _ in new]
        landed = in_parallel(lambda each: _copied(*each[0], each[1], lake, keys), zip(new, begun, strict=True))
    return Landing(
        files=landed,
        known=tuple(file for file in files if file.identity in known),
        left_out=LeftOut.of(left_out),
    )


def part_size(total: int) -> int:
    """Return the size of the parts, in bytes, in which objects of `total` bytes together are copied.

    Examples
    --------
    >>> [part_size(total) // 2**20 for total in (10**9, 10**11, 10**13)]
    [64, 190, 1024]
    """
    return max(_LEAST_PART_BYTES, min(total // COPIES_AT_ONCE, _MOST_PART_BYTES))


def _check_not_our_own(source: S3Address, lake: Lake) -> None:
    """Refuse as a source what runs have written."""
    if source.bucket != lake.bucket:
        return
    folder = f"{source.key.partition('/')[0]}/"
    if source.key and folder not in OWN_FOLDERS:
        return
    what = "the whole of the deployment's own bucket" if not source.key else f"in {folder} of the deployment's bucket"
    raise SourceNotAllowed(
        f"{source} is {what}, where runs write ({', '.join(OWN_FOLDERS)}): give an object or a folder elsewhere, like"
        f" s3://{source.bucket}/uploads/history/"
    )


def _in_parts(objects: Sequence[SourceObject]) -> TransferConfig:
    part_bytes = part_size(sum(found.size for found in objects))
    return TransferConfig(
        multipart_threshold=part_bytes,
        multipart_chunksize=part_bytes,
        max_request_concurrency=COPIES_AT_ONCE,
        max_submission_concurrency=PARALLEL_REQUESTS,
    )


def _begun(found: SourceObject, lake: Lake, keys: RunKeys, manager: TransferManager) -> TransferFuture | None:
    """Begin to copy a large object; None for another one."""
    if found.size <= _LEAST_PART_BYTES:
        return None
    return manager.copy(_origin(found), lake.bucket, keys.raw(found.name), _copied_if_same(found))


def _copied(
    found: SourceObject, file: KnownFile, begun: TransferFuture | None, lake: Lake, keys: RunKeys
) -> LandedFile:
    """Copy an object, or wait for its copy, if the object is still the one that was found."""
    key, etag = keys.raw(found.name), None
    with named_refusals(lake.bucket, key, file.source), _naming_source(file.source):
        if begun:
            begun.result()
        else:
            answer = lake.client.copy_object(
                CopySource=_origin(found), Bucket=lake.bucket, Key=key, **_copied_if_same(found)
            )
            etag = answer["CopyObjectResult"]["ETag"]
    folders = found.address.key.split("/")[:-1]
    return LandedFile(key, file.source, file.identity, values_in(folders), found.size, etag)


def _origin(found: SourceObject) -> "CopySourceTypeDef":
    return {"Bucket": found.address.bucket, "Key": found.address.key}


def _copied_if_same(found: SourceObject) -> dict[str, Any]:
    # Without its tags: copying these takes rights that reading an object does not.
    return {"CopySourceIfMatch": found.etag, "TaggingDirective": "REPLACE"}


def _identity(found: SourceObject) -> str:
    # The digest in an upload's prefix is of its whole folder: it changes with each added file. Without it, the other
    # files of the folder stay known.
    address = found.address._replace(key=_UPLOADED.sub("uploads/", found.address.key))
    return f"{address}#{found.etag.strip('"')}"


@contextmanager
def _naming_source(source: str) -> Iterator[None]:
    """Turn what S3 answers for an object that cannot be copied into an error that names the source."""
    replaced = f"{source} was replaced while it was copied: start the run again"
    try:
        yield
    except S3CopyFailedError as error:  # a part has another ETag
        raise SourceChanged(replaced) from error
    except ClientError as error:
        code = code_of(error)
        if is_missing(error):
            raise SourceNotFound(f"there is no object at {source} ({code})") from error
        if is_denied(error):
            raise SourceNotAllowed(
                f"Ingest may not read {source} ({code}): put the file into the deployment's own bucket under uploads/,"
                " or add its bucket to the stage's source_buckets"
            ) from error
        if is_replaced(error):
            raise SourceChanged(replaced) from error
        if code in {"InvalidObjectState", "ObjectNotInActiveTierError"}:
            raise SourceUnavailable(f"{source} is archived ({code}): restore it, then start the run again") from error
        raise
