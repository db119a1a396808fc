"""Landing: a source's files, copied unchanged into the lake."""

from collections.abc import Sequence

from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.sources.https import land_from_https
from voucher_selection.adapters.sources.landed_files import Landing
from voucher_selection.adapters.sources.limits import HttpsLimits
from voucher_selection.adapters.sources.s3 import land_from_s3
from voucher_selection.domain.errors import InvalidRequest
from voucher_selection.domain.https_addresses import HttpsAddress
from voucher_selection.domain.s3_addresses import S3Address
from voucher_selection.domain.source_addresses import parse_source


def land(
    source: str,
    lake: Lake,
    keys: RunKeys,
    limits: HttpsLimits,
    known: frozenset[str] = frozenset(),
    names: Sequence[str] | None = None,
) -> Landing:
    """Copy the files of a source below the run's raw prefix: S3 copies objects itself, Ingest streams from HTTPS.

    The source is an object or folder `s3://bucket/…`, or a file `https://host/…`. Files whose identity is `known` are
    left out; `names` are the only files of a folder to copy. The two functions called here say what they raise.

    Raises
    ------
    InvalidRequest
        There are names, and the source is no folder.
    """
    match parse_source(source):
        case S3Address() as address:
            return land_from_s3(address, lake, keys, known, names)
        case HttpsAddress() as address:
            if names is not None:
                raise InvalidRequest(
                    f"files: expected names below a folder s3://bucket/folder/, got the file {address}"
                )
            return land_from_https(address, lake, keys, limits, known)
