"""Signatures of AWS requests (version 4): whether a request was signed with a key's secret, and is as it was signed.

See https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from botocore.utils import normalize_url_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO

ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNATURE = "X-Amz-Signature"
_DAYS_OF_A_URL = 7
_SKEW = timedelta(minutes=15)
_CHUNK_BYTES = 1024 * 1024
_DIGEST = re.compile(r"[0-9a-f]{64}")
# What a request may say of its body instead of the digest.
_UNSIGNED = "UNSIGNED-PAYLOAD"
_STREAMING = "STREAMING-"
_HEADER = re.compile(rf"{ALGORITHM}\s+Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{{64}})")


class SignatureError(Exception):
    """Why a request is refused: `code` is the name that AWS has for it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class SentRequest:
    """A request as it came: `target` is path and query, encoded; `headers` by their names in lower case."""

    method: str
    target: str
    headers: Mapping[str, Sequence[str]]
    body: IO[bytes]

    @property
    def path(self) -> str:
        """The path, encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query, encoded."""
        return self.target.partition("?")[2]

    def header(self, name: str) -> str | None:
        """Return the value of a header that is there once."""
        values = self.headers.get(name, ())
        return values[0] if len(values) == 1 else None


@dataclass(frozen=True)
class Scope:
    """What a signature holds for."""

    access_key_id: str
    date: str
    region: str
    service: str

    @classmethod
    def parse(cls, credential: str) -> Scope:
        """Read `id/date/region/service/aws4_request`."""
        parts = credential.split("/")
        if len(parts) != 5 or parts[4] != "aws4_request":  # noqa: PLR2004 - as the docstring has it
            raise SignatureError("IncompleteSignature", "the credential is not id/date/region/service/aws4_request")
        return cls(*parts[:4])

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


@dataclass(frozen=True)
class Signature:
    """What a request says of its own signature."""

    scope: Scope
    time: str
    signed_headers: tuple[str, ...]
    digest: str
    is_in_query: bool
    seconds: int

    @classmethod
    def of(cls, request: SentRequest) -> Signature:
        """Read it from the `Authorization` header or, for S3, from the query of a presigned URL."""
        if "authorization" in request.headers:
            found = _HEADER.fullmatch((request.header("authorization") or "").strip())
            if not found:
                raise SignatureError("IncompleteSignature", f"expected an Authorization header of {ALGORITHM}")
            time = request.header("x-amz-date") or ""
            return cls(Scope.parse(found[1]), time, tuple(found[2].split(";")), found[3], is_in_query=False, seconds=0)
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        if query.get("X-Amz-Algorithm") != ALGORITHM or _SIGNATURE not in query:
            raise SignatureError("MissingAuthenticationToken", "the request is not signed")
        scope = Scope.parse(query.get("X-Amz-Credential", ""))
        if scope.service != "s3":
            raise SignatureError("IncompleteSignature", "only addresses of S3 can be signed in advance")
        return cls(
            scope,
            query.get("X-Amz-Date", ""),
            tuple(query.get("X-Amz-SignedHeaders", "").split(";")),
            query[_SIGNATURE],
            is_in_query=True,
            seconds=_seconds(query.get("X-Amz-Expires", "")),
        )


def is_presigned(request: SentRequest) -> bool:
    """Return whether a request is signed in its query and not in a header; `check_signature` says whether rightly."""
    if "authorization" in request.headers:
        return False
    try:
        return Signature.of(request).is_in_query
    except SignatureError:
        return False


def check_signature(request: SentRequest, secret_of: Callable[[str], str], now: datetime | None = None) -> None:
    """Return if the request was signed with the secret of its key and is as it was signed; SignatureError otherwise."""
    signature = Signature.of(request)
    _check_time(signature, now or datetime.now(UTC))
    _check_headers(signature, request)
    body = _body_digest(signature, request)
    expected = _sign(request, signature, body, secret_of(signature.scope.access_key_id))
    if not hmac.compare_digest(expected.encode(), signature.digest.encode()):
        raise SignatureError("SignatureDoesNotMatch", "the request is not signed with a key of this emulator")


def _seconds(text: str) -> int:
    longest = _DAYS_OF_A_URL * 24 * 3600
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(longest)) and int(text) <= longest):
        raise SignatureError("AuthorizationQueryParametersError", f"X-Amz-Expires is not 0 to {longest} seconds")
    return int(text)


def _check_time(signature: Signature, now: datetime) -> None:
    try:
        signed = datetime.strptime(signature.time, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise SignatureError("IncompleteSignature", "X-Amz-Date is not a time like 20261125T133000Z") from error
    if not signature.time.startswith(signature.scope.date):
        raise SignatureError("SignatureDoesNotMatch", "the credential is of another day than X-Amz-Date")
    latest = signed + (timedelta(seconds=signature.seconds) if signature.is_in_query else _SKEW)
    if not signed - _SKEW <= now <= latest:
        raise SignatureError("RequestExpired", "the signature is no longer valid, or not yet")


def _check_headers(signature: Signature, request: SentRequest) -> None:
    unsigned = {name for name in request.headers if name == "host" or name.startswith("x-amz-")}
    if missing := sorted(unsigned - set(signature.signed_headers)):
        raise SignatureError("SignatureDoesNotMatch", f"headers that have to be signed are not: {', '.join(missing)}")


def _body_digest(signature: Signature, request: SentRequest) -> str:
    """Return what stands for the body in what was signed; where that is a digest, the body has it."""
    stated = request.header("x-amz-content-sha256") or (_UNSIGNED if signature.is_in_query else None)
    if stated and (stated == _UNSIGNED or stated.startswith(_STREAMING)) and signature.scope.service == "s3":
        return stated
    digest = _sha256(request.body)
    if stated and _DIGEST.fullmatch(stated) and stated != digest:
        raise SignatureError("XAmzContentSHA256Mismatch", "the body is not the one that was signed")
    return digest


def _sha256(body: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := body.read(_CHUNK_BYTES):
        digest.update(chunk)
    body.seek(0)
    return digest.hexdigest()


def _sign(request: SentRequest, signature: Signature, body: str, secret: str) -> str:
    scope = signature.scope
    canonical = "\n".join(
        (
            request.method,
            _canonical_path(request.path, scope.service),
            _canonical_query(request.query),
            *(f"{name}:{_canonical_header(request, name)}" for name in signature.signed_headers),
            "",
            ";".join(signature.signed_headers),
            body,
        )
    )
    digest = hashlib.sha256(canonical.encode("latin-1", "replace")).hexdigest()
    text = "\n".join((ALGORITHM, signature.time, str(scope), digest))
    return hmac.new(_signing_key(secret, scope), text.encode("latin-1", "replace"), hashlib.sha256).hexdigest()


@functools.lru_cache(maxsize=256)
def _signing_key(secret: str, scope: Scope) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode("latin-1", "replace"), "sha256")
    return key


def _canonical_path(path: str, service: str) -> str:
    """S3 takes keys as they are; for the others the path is normalized and encoded once more."""
    if service == "s3":
        return _encoded(path, safe="/") or "/"
    return quote(normalize_url_path(path), safe="/-_.~")


def _canonical_query(query: str) -> str:
    pairs = (part.partition("=")[::2] for part in query.split("&") if part)
    encoded = sorted((_encoded(name), _encoded(value)) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded if name != _SIGNATURE)


def _canonical_header(request: SentRequest, name: str) -> str:
    return ",".join(" ".join(value.split()) for value in request.headers.get(name, ()))


def _encoded(text: str, safe: str = "") -> str:
    return quote(unquote_to_bytes(text), safe=f"{safe}-_.~")
