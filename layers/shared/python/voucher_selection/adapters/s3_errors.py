"""The errors of S3, as errors of ours that name the object and say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from voucher_selection.adapters.error_codes import code_of
from voucher_selection.adapters.run_keys import what_to_do
from voucher_selection.domain.errors import LakeRefused, LakeUnavailable, ObjectMissing

_DENIALS = {"403", "AccessDenied", "AllAccessDisabled"}
_REFUSALS = {*_DENIALS, "AccountProblem", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_NO_BUCKET = "NoSuchBucket"
_MISSING = {"404", "NoSuchKey", "NotFound", _NO_BUCKET}


@contextmanager
def named_refusals(bucket: str, key: str, source: str | None = None) -> Iterator[None]:
    """Turn a refusal of S3, or no answer, into an error that names the object, or the prefix of those to be listed.

    Raises
    ------
    ObjectMissing
        There is no such object.
    LakeRefused
        The deployment may not read or write it, or there is no such bucket.
    LakeUnavailable
        S3 does not answer, or answers that it cannot serve the request now.
    """
    address = address_of(bucket, key, source)
    try:
        yield
    except ClientError as error:
        raise _named(error, address, key) from error
    except Boto3Error as error:  # of a transfer: the answer of S3 is only in its context
        if isinstance(error.__context__, ClientError):
            raise _named(error.__context__, address, key) from error
        raise _unavailable(error, address) from error
    except BotoCoreError as error:
        raise _unavailable(error, address) from error


def address_of(bucket: str, key: str, source: str | None) -> str:
    """Return how messages name an object: a copy by the source that the user gave first, then by its own address."""
    address = f"s3://{bucket}/{key}"
    return f"{source}: its copy {address}" if source else address


def is_replaced(error: ClientError) -> bool:
    """Return whether S3 answered that the object has another ETag than the request asked for."""
    return code_of(error) in {"412", "PreconditionFailed"}


def is_missing(error: ClientError) -> bool:
    """Return whether S3 answered that there is no such object or bucket."""
    return code_of(error) in _MISSING


def is_denied(error: ClientError) -> bool:
    """Return whether S3 answered that the caller may not do this."""
    return code_of(error) in _DENIALS


def _named(error: ClientError, address: str, key: str) -> Exception:
    code = code_of(error)
    if code == _NO_BUCKET:
        return LakeRefused(f"{address}: there is no such bucket ({error}): deploy the stage again")
    if is_missing(error):
        return ObjectMissing(f"{address} is not there ({error}): {what_to_do(key)}")
    if code in _REFUSALS or code.startswith("KMS"):
        return LakeRefused(
            f"{address} is refused ({error}): the rights of the deployment, the bucket's policy or its KMS key have"
            " changed; deploy the stage again, or give them back"
        )
    return _unavailable(error, address)


def _unavailable(error: Exception, address: str) -> LakeUnavailable:
    return LakeUnavailable(
        f"{address} is not available: S3 neither delivers nor takes it now ({error}); start the run again"
    )
