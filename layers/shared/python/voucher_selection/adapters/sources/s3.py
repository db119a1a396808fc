"""S3 sources: objects that S3 copies into the lake."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from voucher_selection.adapters.error_codes import code_of
from voucher_selection.adapters.lake import Lake, in_parallel
from voucher_selection.adapters.run_keys import OWN_FOLDERS, RunKeys
from voucher_selection.adapters.s3_errors import is_denied, is_missing, is_replaced, named_refusals
from voucher_selection.adapters.sources.landed_files import LandedFile, Landing, values_in
from voucher_selection.adapters.sources.s3_objects import SourceObject, find_objects
from voucher_selection.domain.errors import SourceChanged, SourceNotAllowed, SourceNotFound, SourceUnavailable
from voucher_selection.domain.plans import KnownFile, LeftOut
from voucher_selection.domain.s3_addresses import S3Address

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CopySourceTypeDef

# Up to this size S3 copies an object in one request. A larger one takes a request more first, and is copied in parts.
_ONE_COPY_BYTES = 64 * 1024 * 1024
# Where `./quickstart run --source` uploads: `uploads/sha256-0123456789abcdef/day/monday.parquet`
_UPLOADED = re.compile(r"\Auploads/sha256-[0-9a-f]{16}/")


def land_from_s3(source: S3Address, lake: Lake, keys: RunKeys, known: frozenset[str]) -> Landing:
    """Copy the object or the parquet files of the folder at `source`, except those whose identity is known.

    Raises
    ------
    SourceNotFound, NoParquetFiles, TableFormat
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
        objects, left_out = find_objects(source, lake)
    files = [KnownFile(source=str(found.address), identity=_identity(found)) for found in objects]
    new = [(found, file) for found, file in zip(objects, files, strict=True) if file.identity not in known]
    return Landing(
        files=in_parallel(lambda both: _copy(*both, lake, keys), new),
        known=tuple(file for file in files if file.identity in known),
        left_out=LeftOut.of(left_out),
    )


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


def _copy(found: SourceObject, file: KnownFile, lake: Lake, keys: RunKeys) -> LandedFile:
    key = keys.raw(found.name)
    with named_refusals(lake.bucket, key, file.source), _naming_source(file.source):
        etag = _copied(found, lake, key)
    folders = found.address.key.split("/")[:-1]
    return LandedFile(key, file.source, file.identity, values_in(folders), found.size, etag)


def _copied(found: SourceObject, lake: Lake, key: str) -> str | None:
    """Copy an object if it is still the one that was found; return the ETag of the copy if S3 returns one."""
    origin: CopySourceTypeDef = {"Bucket": found.address.bucket, "Key": found.address.key}
    # Without its tags: copying these takes rights that reading an object does not.
    if found.size > _ONE_COPY_BYTES:
        options = {"CopySourceIfMatch": found.etag, "TaggingDirective": "REPLACE"}
        lake.client.copy(origin, lake.bucket, key, ExtraArgs=options)
        return None
    answer = lake.client.copy_object(
        CopySource=origin, Bucket=lake.bucket, Key=key, CopySourceIfMatch=found.etag, TaggingDirective="REPLACE"
    )
    return answer["CopyObjectResult"]["ETag"]


def _identity(found: SourceObject) -> str:
    # The digest in an upload's prefix is of its whole folder: it changes with each added file. Without it, the other
    # files of the folder stay known.
    address = found.address._replace(key=_UPLOADED.sub("uploads/", found.address.key))
    return f"{address}#{found.etag.strip('"')}"


@contextmanager
def _naming_source(source: str) -> Iterator[None]:
    """Turn what S3 answers for an object that cannot be copied into an error that names the source."""
    try:
        yield
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
            raise SourceChanged(f"{source} was replaced while it was copied: start the run again") from error
        if code in {"InvalidObjectState", "ObjectNotInActiveTierError"}:
            raise SourceUnavailable(f"{source} is archived ({code}): restore it, then start the run again") from error
        raise
