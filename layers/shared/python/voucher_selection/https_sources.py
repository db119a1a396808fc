"""HTTPS sources: a file streamed from its server into the lake."""

import hashlib
import re
from typing import IO, cast
from urllib.parse import unquote, urlsplit

import urllib3

from voucher_selection.errors import SourceNotAllowed, SourceNotFound, SourceUnavailable
from voucher_selection.lake import Lake
from voucher_selection.landed_files import LandedFile
from voucher_selection.run_keys import RunKeys

_TIMEOUT = urllib3.Timeout(connect=10, read=60)  # seconds


def land_from_https(source: str, lake: Lake, keys: RunKeys, allowed_hosts: tuple[str, ...]) -> LandedFile:
    """Copy the file at `source` below the run's raw prefix.

    Raises
    ------
    SourceNotFound, SourceNotAllowed, SourceUnavailable
    """
    url = urlsplit(source)
    host = url.hostname or ""
    if "*" not in allowed_hosts and host not in allowed_hosts:
        raise SourceNotAllowed(
            f"{host!r} is not among the HTTPS hosts this deployment may read ({', '.join(allowed_hosts) or 'none'}):"
            " add it to the stage's source_hosts"
        )
    name = re.sub(r"[^A-Za-z0-9._-]", "_", unquote(url.path).rpartition("/")[2]) or "history.parquet"
    key = keys.raw(name)
    try:
        # A redirect could lead to a host that is not allowed, so none is followed.
        with urllib3.PoolManager(retries=False, timeout=_TIMEOUT) as pool:
            answer = pool.request("GET", source, preload_content=False, redirect=False, decode_content=False)
            _check_answer(source, answer)
            content = _Hashed(answer)
            lake.client.upload_fileobj(cast("IO[bytes]", content), lake.bucket, key)
    except urllib3.exceptions.HTTPError as error:
        raise SourceUnavailable(f"{source} could not be read: {error}") from error
    return LandedFile(key, source, f"sha256:{content.digest.hexdigest()}")


class _Hashed:
    """A stream that is read once, from its beginning to its end, and the SHA-256 of what was read."""

    def __init__(self, stream: urllib3.BaseHTTPResponse) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(None if size < 0 else size)
        self.digest.update(content)
        return content


def _check_answer(source: str, answer: urllib3.BaseHTTPResponse) -> None:
    if answer.status == 200:  # noqa: PLR2004 - the only status that carries the whole file
        return
    if answer.status in {404, 410}:
        raise SourceNotFound(f"there is no file at {source} (HTTP {answer.status})")
    if location := answer.headers.get("Location"):
        raise SourceNotAllowed(
            f"{source} redirects to {location} and redirects are not followed: give that address itself"
        )
    raise SourceUnavailable(f"{source} answered HTTP {answer.status}")
