"""What landing leaves of a source: the copies of its files, and the names of those that it did not copy."""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from voucher_selection.domain.hive_partitions import PathValues
from voucher_selection.domain.plans import KnownFile, LeftOut

# What Hive, Spark, dask, DuckDB and Athena write for a null.
_NULL = "__HIVE_DEFAULT_PARTITION__"


class LandedFile(NamedTuple):
    """A copy in the lake of one file of a source.

    `source` is the file's own address. `size` (in bytes) and `etag` are the copy's, None if S3 did not return them.
    `identity` names the file and its content: for an S3 object the address and the ETag, so that a replaced object gets
    another; for HTTPS a checksum, because an address may be signed differently each time.
    """

    key: str
    source: str
    identity: str
    path_values: PathValues
    size: int | None = None
    etag: str | None = None


class Landing(NamedTuple):
    """The copies, the `known` files that were counted before, and the folder's objects that are not read."""

    files: list[LandedFile]
    known: tuple[KnownFile, ...] = ()
    left_out: LeftOut = LeftOut()


def values_in(folders: Iterable[str]) -> PathValues:
    """Return the columns that the folders of a path have, from the outermost on; of one name the deepest counts.

    Examples
    --------
    >>> values_in(["history", "country_code=Peru"])
    {'country_code': 'Peru'}
    """
    pairs = (folder.partition("=") for folder in folders)
    return {unquote(name): None if value == _NULL else unquote(value) for name, is_one, value in pairs if is_one}
