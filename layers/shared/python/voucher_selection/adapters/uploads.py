"""Uploads past the API: addresses of S3 that are signed in advance, with which a browser puts one object.

Such an address acts with the rights of the API's function, for one key, one size and a short time. It cannot replace
an object: S3 refuses it if there is one.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from voucher_selection.domain.errors import LakeUnavailable

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# Until the request begins; it may take longer.
_VALID = timedelta(minutes=15)
_ONLY_NEW = {"If-None-Match": "*"}


def signing(endpoint: str | None) -> Config:
    """Return how a client signs addresses for browsers: with version 4, and with the bucket's region in the host.

    An endpoint of its own has one name for all buckets.
    """
    return Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if endpoint else "virtual", "us_east_1_regional_endpoint": "regional"},
        # a browser computes no checksum; S3 makes one of what arrives
        request_checksum_calculation="when_required",
    )


class PresignedPut(NamedTuple):
    """An address to which one object may be sent with `PUT`, with these headers, until `expires_at`."""

    url: str
    headers: dict[str, str]
    expires_at: datetime


class Uploads:
    """The uploads in the lake's bucket.

    `client` asks S3, and `signer` (`signing`) signs for browsers: it may know S3 by another address.
    """

    def __init__(self, bucket: str, client: "S3Client", signer: "S3Client") -> None:
        self._bucket = bucket
        self._client = client
        self._signer = signer

    @property
    def origin(self) -> str:
        """The origin of the addresses that browsers send to."""
        address = urlsplit(self._signed("any", 1))
        return f"{address.scheme}://{address.netloc}"

    def address(self, key: str) -> str:
        """Return the address of an upload as a run's source."""
        return f"s3://{self._bucket}/{key}"

    def size(self, key: str) -> int | None:
        """Return the size of the upload with this key, None if there is none.

        Raises
        ------
        LakeUnavailable
            S3 does not answer.
        """
        try:
            # the first key with this prefix is the key itself, if there is such an object
            found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=key, MaxKeys=1).get("Contents", [])
        except (BotoCoreError, ClientError) as error:
            raise LakeUnavailable(f"{self.address(key)} cannot be looked for now ({error}): try again") from error
        return found[0]["Size"] if found and found[0]["Key"] == key else None

    def presigned(self, key: str, size: int) -> PresignedPut:
        """Return where a new object with this key, of exactly `size` bytes, may be sent to."""
        return PresignedPut(self._signed(key, size), dict(_ONLY_NEW), datetime.now(UTC) + _VALID)

    def _signed(self, key: str, size: int) -> str:
        asked = {"Bucket": self._bucket, "Key": key, "ContentLength": size, "IfNoneMatch": "*"}
        return self._signer.generate_presigned_url("put_object", asked, ExpiresIn=int(_VALID.total_seconds()))
