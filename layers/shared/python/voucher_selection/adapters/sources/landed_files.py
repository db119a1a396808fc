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

    Attributes
    ----------
    key
        The copy's key.
    source
        The address of the file that was copied.
    identity
        Names the file and its content. For an S3 object it is the address and the ETag, so that a replaced object gets
        another; for HTTPS it is a checksum, because an address may be signed differently each time.
    path_values
        The columns that the file's path has.
    size, etag
        The copy's, in bytes; None if S3 did not return it.
    """

    key: str
    source: str
    identity: str
    path_values: PathValues
    size: int | None = None
    etag: str | None = None


class Landing(NamedTuple):
    """What became of a source's files.

    Attributes
    ----------
    files
        The copies.
    known
        Files that were counted before, which are left out.
    left_out
        Objects of the folder that are not parquet files.
    """

    files: list[LandedFile]
    known: tuple[KnownFile, ...] = ()
    left_out: LeftOut = LeftOut()


def values_in(folders: Iterable[str]) -> PathValues:
    """Return the columns that the folders of a path have; if two have the same name, the deeper one counts.

    Parameters
    ----------
    folders
        Names of folders, the outermost first.

    Examples
    --------
    >>> values_in(["history", "country_code=Peru"])
    {'country_code': 'Peru'}
    """
    pairs = (folder.partition("=") for folder in folders)
    return {unquote(name): None if value == _NULL else unquote(value) for name, is_one, value in pairs if is_one}
