"""What landing leaves of a source's file."""

from typing import NamedTuple

from voucher_selection.domain.hive_partitions import PathValues


class LandedFile(NamedTuple):
    """A copy in the lake, the place it is a copy of, and the identity of what was there.

    An S3 object is known by its address and ETag, so that one that was replaced is another; what came from HTTPS by its
    checksum, because its address may be signed anew each time.

    `path_values` is what its place says of columns. `size`, in bytes, and `etag` are the copy's; None: nobody has told.
    """

    key: str
    source: str
    identity: str
    path_values: PathValues
    size: int | None = None
    etag: str | None = None
