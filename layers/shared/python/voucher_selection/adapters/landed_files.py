"""What landing leaves of a source's file."""

from typing import NamedTuple


class LandedFile(NamedTuple):
    """A copy in the lake, the place it is a copy of, and the identity of what was there.

    An S3 object is known by its address and ETag, so that one that was replaced is another; what came from HTTPS by its
    checksum, because its address may be signed anew each time.
    """

    key: str
    source: str
    identity: str
