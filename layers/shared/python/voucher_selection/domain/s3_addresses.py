"""S3 addresses: the parts of `s3://bucket/key`, and which names of buckets and keys S3 allows."""

import re
from typing import NamedTuple

LONGEST_KEY = 1024  # bytes, of UTF-8
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_MOST_SHOWN = 200


class S3Address(NamedTuple):
    """An address `s3://bucket/key`: an empty key means the whole bucket, a slash at its end a folder."""

    bucket: str
    key: str

    def __str__(self) -> str:
        """Return the address as text."""
        return f"s3://{self.bucket}/{self.key}"


def parse_s3(source: str) -> S3Address:
    """Read an address `s3://bucket/key`.

    Raises
    ------
    ValueError
        The bucket is missing, or S3 does not allow such a name of a bucket or such a key.
    """
    bucket, _, key = source.partition("://")[2].partition("/")
    if not bucket:
        raise ValueError(f"expected s3://bucket/key or s3://bucket/folder/, got {shown(source)} without a bucket")
    if not _BUCKET.fullmatch(bucket) or _IP_ADDRESS.fullmatch(bucket):
        raise ValueError(
            "expected s3://bucket/…, the bucket's name 3 to 63 lower-case letters, digits, hyphens and single dots,"
            f" got the name {shown(re.sub('.*@', '…@', bucket, flags=re.DOTALL))}"
        )
    if re.search(r"\?versionId=[^/]*$", key):
        raise ValueError(f"expected an address without ?versionId=, a run reads the newest version; got {shown(key)}")
    if (size := len(key.encode())) > LONGEST_KEY:
        raise ValueError(f"expected a key of at most {LONGEST_KEY:,} bytes, got {size:,} bytes: {shown(key)}")
    return S3Address(bucket, key)


def shown(text: str) -> str:
    """Return a text as messages show it: quoted, and only its beginning if it is long."""
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")
