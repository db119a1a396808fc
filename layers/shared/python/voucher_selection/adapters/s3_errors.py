"""What S3 answers instead of an object, as errors of ours that name the object and say what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from voucher_selection.adapters.run_keys import what_to_do
from voucher_selection.domain.errors import LakeRefused, LakeUnavailable, ObjectMissing

_DENIALS = {"403", "AccessDenied", "AllAccessDisabled"}
_REFUSALS = {*_DENIALS, "AccountProblem", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
_NO_BUCKET = "NoSuchBucket"
_MISSING = {"404", "NoSuchKey", "NotFound", _NO_BUCKET}


@contextmanager
def named_refusals(bucket: str, key: str) -> Iterator[None]:
    """Turn what S3 refuses, and its silence, into an error that names the object.

    Parameters
    ----------
    bucket, key
        Where the object is; or the prefix of those that are listed.

    Raises
    ------
    ObjectMissing
        There is no such object.
    LakeRefused
        The deployment may not have it, or there is no such bucket.
    LakeUnavailable
        S3 does not answer, or says that it cannot.
    """
    address = f"s3://{bucket}/{key}"
    try:
        yield
    except ClientError as error:
        raise _named(error, address, key) from error
    except Boto3Error as error:  # a transfer's, which hides what S3 has answered
        if isinstance(error.__context__, ClientError):
            raise _named(error.__context__, address, key) from error
        raise _unavailable(error, address) from error
    except BotoCoreError as error:
        raise _unavailable(error, address) from error


def is_replaced(error: ClientError) -> bool:
    """Tell whether S3 answered that an object has another ETag than it was asked for with."""
    return code_of(error) in {"412", "PreconditionFailed"}


def is_missing(error: ClientError) -> bool:
    """Tell whether S3 answered that there is no such object or bucket."""
    return code_of(error) in _MISSING


def is_denied(error: ClientError) -> bool:
    """Tell whether S3 answered that this may not be read."""
    return code_of(error) in _DENIALS


def code_of(error: ClientError) -> str:
    """Return the code that a service answered with."""
    return str(error.response.get("Error", {}).get("Code", ""))


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
    return LakeUnavailable(f"S3 does not deliver or take {address} ({error}): start the run again")
