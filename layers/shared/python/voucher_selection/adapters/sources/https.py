"""HTTPS sources: a file, streamed from its server into the lake, within limits."""

import hashlib
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import IO, Self, cast
from urllib.parse import unquote

from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError
from urllib3.util import parse_url

from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.s3_errors import named_refusals
from voucher_selection.adapters.sources.landed_files import LandedFile, Landing, values_in
from voucher_selection.adapters.sources.limits import HttpsLimits
from voucher_selection.adapters.sources.network import network_addresses
from voucher_selection.domain.errors import SourceNotAllowed, SourceNotFound, SourceTooLarge, SourceUnavailable
from voucher_selection.domain.https_addresses import HttpsAddress
from voucher_selection.domain.plans import KnownFile

_CONNECT_SECONDS = 10
_IDLE_SECONDS = 60
_BROKEN_OFF = (HTTPError, HTTPException, OSError)


def land_from_https(
    source: HttpsAddress, lake: Lake, keys: RunKeys, limits: HttpsLimits, known: frozenset[str]
) -> Landing:
    """Copy the file at `source`, unless its identity is known; if the delivery is not complete, no copy remains.

    Raises
    ------
    SourceNotAllowed
        The host is not on the list, or is at an address that Ingest may not read; or the server redirects.
    SourceNotFound
        The server has no such file.
    SourceTooLarge
        The file is larger than the limit.
    SourceUnavailable
        The server did not deliver the file, or not in time.
    LakeRefused, LakeUnavailable
        S3 does not take the copy.
    """
    if "*" not in limits.hosts and source.host not in limits.hosts:
        raise SourceNotAllowed(
            f"{source}: {source.host!r} is not among the HTTPS hosts this deployment may read"
            f" ({', '.join(limits.hosts) or 'none'}): add it to the stage's source_hosts"
        )
    places = network_addresses(source, private=limits.private_addresses)
    target = request_target(source)
    folders, name = _path_of(target)
    key = keys.raw(name)
    with _Delivery(source, limits) as delivery:
        body = delivery.open(target, places)
        # A failure of reading is raised here, once S3 has dropped the parts that it has.
        with named_refusals(lake.bucket, key, str(source)):
            lake.client.upload_fileobj(cast("IO[bytes]", body), lake.bucket, key)
    identity = f"sha256:{body.digest.hexdigest()}"
    if identity in known:  # only the content shows it, so there is a copy by now; no plan will name it
        return Landing([], (KnownFile(source=str(source), identity=identity),))
    return Landing([LandedFile(key, str(source), identity, values_in(folders))])


def request_target(address: HttpsAddress) -> str:
    """Return the path and the query as a request has them: encoded, and without `.` and `..`."""
    # Any host will do here: the one to connect to is read in one place only, where it is checked.
    return parse_url(f"https://host{address.target}").request_uri


def _path_of(target: str) -> tuple[list[str], str]:
    """Return the folders of a path, and the name of its file with `_` for what a key should not have."""
    path = target.partition("?")[0]
    name = re.sub(r"[^A-Za-z0-9._-]", "_", unquote(path).rpartition("/")[2])
    return [unquote(folder) for folder in path.split("/")[:-1]], name or "history.parquet"


class _Delivery:
    """One answer of a server, cut off when its time is over.

    A socket's timeout starts again with each byte: a server that sends one now and then would hold Ingest until Lambda
    ends it without a message.
    """

    def __init__(self, source: HttpsAddress, limits: HttpsLimits) -> None:
        self.source = source
        self.limits = limits
        self._connection: HTTPSConnection | None = None
        self._socket: socket.socket | None = None
        self._answer: BaseHTTPResponse | None = None
        self._is_late = False
        self._timer = threading.Timer(limits.seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        for opened in (self._answer, self._connection):
            if opened:
                opened.close()

    def open(self, target: str, places: Sequence[str]) -> "_Body":
        """Ask for the file at the first of the network addresses that accepts a connection."""
        headers = {"Host": self.source.authority}
        with self.watched():
            connection = self._connect(places)
            # A redirect could lead to a host that is not allowed, so none is followed.
            connection.request("GET", target, headers=headers, preload_content=False, decode_content=False)
            self._answer = connection.getresponse()
        _check_status(self.source, self._answer)
        _check_length(self, self._answer)
        return _Body(self, self._answer)

    def _connect(self, places: Sequence[str]) -> HTTPSConnection:
        failures = []
        for place in places:
            # To the address that was checked, with the certificate of the name.
            self._connection = HTTPSConnection(
                place, self.source.port, timeout=_CONNECT_SECONDS, server_hostname=self.source.host
            )
            try:
                self._connection.connect()
            except (NewConnectionError, ConnectTimeoutError) as error:
                failures.append(str(error))
                self._check_time()
                continue
            self._connection.timeout = _IDLE_SECONDS
            self._socket = self._connection.sock
            self._check_time()  # the time may have ended before there was a socket to cut
            return self._connection
        raise SourceUnavailable(f"{self.source} could not be read: {'; '.join(failures)}")

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Turn a failure while Ingest waits for the server into an error that names the source."""
        try:
            yield
        except (TimeoutError, ReadTimeoutError) as error:
            self._check_time()
            seconds = _IDLE_SECONDS if self._socket else _CONNECT_SECONDS
            raise SourceUnavailable(f"{self.source} could not be read: nothing came for {seconds} s") from error
        except _BROKEN_OFF as error:
            self._check_time()
            raise SourceUnavailable(f"{self.source} could not be read: {error}") from error
        # A cut may look like the end of the file.
        self._check_time()

    def _check_time(self) -> None:
        if self._is_late:
            raise SourceUnavailable(
                f"{self.source} was not delivered within {self.limits.seconds:g} s: put it into the deployment's bucket"
                " under uploads/, or raise the stage's ingest_timeout_seconds"
            )

    def _cut(self) -> None:
        self._is_late = True
        if self._socket:
            with suppress(OSError):  # it is closed already
                # The connection below TLS: the state of TLS belongs to the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Body:
    """The content of an answer, read once, and the SHA-256 of what was read."""

    def __init__(self, delivery: _Delivery, answer: BaseHTTPResponse) -> None:
        self._delivery = delivery
        self._answer = answer
        self._bytes = 0
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        with self._delivery.watched():
            # boto3 asks for the whole rest only when it has seen the end.
            content = self._answer.read(None if size < 0 else size)
        self._bytes += len(content)
        if self._bytes > self._delivery.limits.max_bytes:
            raise _too_large(self._delivery, "more")
        self.digest.update(content)
        return content


def _check_length(delivery: _Delivery, answer: BaseHTTPResponse) -> None:
    """Refuse a file whose header says that it is too large, before any of it is read."""
    length = answer.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > delivery.limits.max_bytes:
        raise _too_large(delivery, f"{int(length):,}")


def _too_large(delivery: _Delivery, size: str) -> SourceTooLarge:
    return SourceTooLarge(
        f"{delivery.source} has {size} bytes, and Ingest fetches at most {delivery.limits.max_bytes:,} over HTTPS: put"
        " it into the deployment's bucket under uploads/, or raise the stage's source_max_bytes"
    )


def _check_status(source: HttpsAddress, answer: BaseHTTPResponse) -> None:
    if answer.status == 200:  # noqa: PLR2004 - the only status that carries the whole file
        return
    if answer.status in {404, 410}:
        raise SourceNotFound(f"there is no file at {source} (HTTP {answer.status})")
    if location := answer.headers.get("Location"):
        raise SourceNotAllowed(
            f"{source} redirects to {location}, and Ingest follows no redirect: give that address itself"
        )
    raise SourceUnavailable(f"{source} answered HTTP {answer.status}")
