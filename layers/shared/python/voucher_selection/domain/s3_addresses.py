"""S3 addresses: what `s3://bucket/key` says, and what S3 takes for the name of a bucket and for a key."""

import re
from typing import NamedTuple

LONGEST_KEY = 1024  # bytes, of UTF-8
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]")
_IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
# What Hadoop's programs call the same place.
_SCHEME = re.compile(r"s3[an]?://", re.IGNORECASE)
_MOST_SHOWN = 200


class S3Address(NamedTuple):
    """An address `s3://bucket/key`; an empty key is the whole bucket, one that ends with a slash a folder."""

    bucket: str
    key: str

    def __str__(self) -> str:
        """Return the address as it is written."""
        return f"s3://{self.bucket}/{self.key}"


def is_s3(source: str) -> bool:
    """Tell whether an address is one of S3, `s3a://` and `s3n://` among them."""
    return _SCHEME.match(source) is not None


def parse_s3(source: str) -> S3Address:
    """Read an address `s3://bucket/key`.

    Raises
    ------
    ValueError
        It has no bucket, or a bucket or key that S3 cannot have.
    """
    bucket, _, key = _SCHEME.sub("", source, count=1).partition("/")
    if not bucket:
        raise ValueError(f"expected s3://bucket/key or s3://bucket/folder/, got {shown(source)} without a bucket")
    if not _BUCKET.fullmatch(bucket) or _IP_ADDRESS.fullmatch(bucket):
        raise ValueError(
            "expected s3://bucket/…, the bucket's name 3 to 63 lower-case letters, digits, hyphens and single dots,"
            f" got the name {shown(re.sub('.*@', '…@', bucket, flags=re.DOTALL))}"
        )
    if re.search(r"\?versionId=[^/]*$", key):
        raise ValueError(f"expected an address without ?versionId=, the object as it is now is read; got {shown(key)}")
    if (size := len(key.encode())) > LONGEST_KEY:
        raise ValueError(f"expected a key of at most {LONGEST_KEY:,} bytes, got {size:,} bytes: {shown(key)}")
    return S3Address(bucket, key)


def shown(text: str) -> str:
    """Return what was given as a message shows it: quoted, its beginning where it is long."""
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…")
