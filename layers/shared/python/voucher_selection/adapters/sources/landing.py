"""Landing: the source's files, untouched, into the lake."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from botocore.exceptions import ClientError

from voucher_selection.adapters.lake import Lake, in_parallel
from voucher_selection.adapters.run_keys import OWN_FOLDERS, RunKeys
from voucher_selection.adapters.s3_errors import code_of, is_denied, is_missing, is_replaced, named_refusals
from voucher_selection.adapters.sources.https import land_from_https
from voucher_selection.adapters.sources.landed_files import LandedFile
from voucher_selection.adapters.sources.limits import HttpsLimits
from voucher_selection.adapters.sources.s3_objects import SourceObject, find_objects
from voucher_selection.domain.errors import SourceChanged, SourceNotAllowed, SourceNotFound, SourceUnavailable
from voucher_selection.domain.hive_partitions import values_in
from voucher_selection.domain.runs import KnownFile, LeftOut
from voucher_selection.domain.s3_addresses import S3Address, is_s3, parse_s3

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CopySourceTypeDef

# Up to this size S3 copies an object in one request, which asks for nothing before; a larger one in parts at once.
_ONE_COPY_BYTES = 64 * 1024 * 1024
# Where `./quickstart run --source` uploads: `uploads/sha256-0123456789abcdef/day/monday.parquet`
_UPLOADED = re.compile(r"\Auploads/sha256-[0-9a-f]{16}/")


class Landing(NamedTuple):
    """What was landed of a source, its files that were known already, and what of its folder is no history."""

    files: list[LandedFile]
    known: tuple[KnownFile, ...] = ()
    left_out: LeftOut = LeftOut()


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
    SourceNotFound, NoParquetFiles, TableFormat, SourceNotAllowed, SourceTooLarge, SourceUnavailable
    SourceChanged
        An object was replaced between finding and copying it.
    """
    if is_s3(source):
        return _land_from_s3(parse_s3(source), lake, keys, known)
    landed = land_from_https(source, lake, keys, limits)
    # Only its content tells, so it has been landed already; what is not planned is not read.
    if landed.identity in known:
        return Landing([], (KnownFile(source=source, identity=landed.identity),))
    return Landing([landed])


def _land_from_s3(source: S3Address, lake: Lake, keys: RunKeys, known: frozenset[str]) -> Landing:
    _check_not_our_own(source, lake)
    with named_refusals(source.bucket, source.key), _explained(str(source)):
        objects = find_objects(source, lake)
    files = [KnownFile(source=_address(found, source), identity=_identity(found, source)) for found in objects.found]
    new = [found for found, file in zip(objects.found, files, strict=True) if file.identity not in known]
    return Landing(
        files=in_parallel(lambda found: _copy(found, source, lake, keys), new),
        known=tuple(file for file in files if file.identity in known),
        left_out=LeftOut.of(objects.left_out),
    )


def _check_not_our_own(source: S3Address, lake: Lake) -> None:
    """Refuse what runs have written as a source of another."""
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


def _copy(found: SourceObject, given: S3Address, lake: Lake, keys: RunKeys) -> LandedFile:
    key, source = keys.raw(found.name), _address(found, given)
    origin: CopySourceTypeDef = {"Bucket": given.bucket, "Key": found.key}
    with named_refusals(lake.bucket, key), _explained(source):
        etag = _copied(origin, lake, key, found)
    folders = found.key.split("/")[:-1]
    return LandedFile(key, source, _identity(found, given), values_in(folders), found.size, etag)


def _copied(origin: "CopySourceTypeDef", lake: Lake, key: str, found: SourceObject) -> str | None:
    """Copy an object if it is still the one that was found, and return the ETag of the copy where S3 tells it."""
    # Without its tags: copying these takes rights that reading an object does not.
    if found.size > _ONE_COPY_BYTES:
        options = {"CopySourceIfMatch": found.etag, "TaggingDirective": "REPLACE"}
        lake.client.copy(origin, lake.bucket, key, ExtraArgs=options)
        return None
    answer = lake.client.copy_object(
        CopySource=origin, Bucket=lake.bucket, Key=key, CopySourceIfMatch=found.etag, TaggingDirective="REPLACE"
    )
    return answer["CopyObjectResult"]["ETag"]


def _address(found: SourceObject, given: S3Address) -> str:
    return f"s3://{given.bucket}/{found.key}"


def _identity(found: SourceObject, given: S3Address) -> str:
    # An upload is below a digest of its whole folder, which is another when a file was added; the others stay known.
    return f"s3://{given.bucket}/{_UPLOADED.sub('uploads/', found.key)}#{found.etag.strip('"')}"


@contextmanager
def _explained(source: str) -> Iterator[None]:
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
