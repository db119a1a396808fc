"""HTTPS sources: a file streamed from its server into the lake, within limits."""

import hashlib
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from typing import IO, Self, cast

from urllib3 import BaseHTTPResponse
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError

from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.s3_errors import named_refusals
from voucher_selection.adapters.sources.landed_files import LandedFile
from voucher_selection.adapters.sources.limits import HttpsLimits
from voucher_selection.domain.errors import SourceNotAllowed, SourceNotFound, SourceTooLarge, SourceUnavailable
from voucher_selection.domain.hive_partitions import values_in
from voucher_selection.domain.https_addresses import HttpsAddress, network_addresses, parse_https

_CONNECT_SECONDS = 10
_IDLE_SECONDS = 60
_BROKEN_OFF = (HTTPError, HTTPException, OSError)


def land_from_https(source: str, lake: Lake, keys: RunKeys, limits: HttpsLimits) -> LandedFile:
    """Copy the file at `source` below the run's raw prefix; where it does not come as a whole, nothing is left there.

    Raises
    ------
    SourceNotAllowed
        The host is not on the list, or is where nothing may be read; or the server redirects.
    SourceNotFound
        The server has no such file.
    SourceTooLarge
        The file is larger than the limit.
    SourceUnavailable
        The server did not deliver it, or not in time.
    """
    address = parse_https(source)
    if "*" not in limits.hosts and address.host not in limits.hosts:
        raise SourceNotAllowed(
            f"{address.host!r} is not among the HTTPS hosts this deployment may read"
            f" ({', '.join(limits.hosts) or 'none'}): add it to the stage's source_hosts"
        )
    places = network_addresses(address, private=limits.private_addresses)
    key = keys.raw(address.file_name)
    with _Delivery(source, limits) as delivery:
        body = delivery.open(address, places)
        # A failure while it is read is raised here, after S3 was told to forget the parts that it has.
        with named_refusals(lake.bucket, key):
            lake.client.upload_fileobj(cast("IO[bytes]", body), lake.bucket, key)
    return LandedFile(key, source, f"sha256:{body.digest.hexdigest()}", values_in(address.folders))


class _Delivery:
    """One answer of a server, which is cut off when its time is over.

    A timeout of the socket begins anew with each byte, so that a server that sends one now and then would hold Ingest
    until Lambda ends it without a word.
    """

    def __init__(self, source: str, limits: HttpsLimits) -> None:
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

    def open(self, address: HttpsAddress, places: Sequence[str]) -> "_Body":
        """Ask for the file, of the first of the network addresses that can be connected to."""
        with self.watched():
            connection = self._connect(address, places)
            # A redirect could lead to a host that is not allowed, so none is followed.
            connection.request(
                "GET", address.target, headers={"Host": address.authority}, preload_content=False, decode_content=False
            )
            self._answer = connection.getresponse()
        _check_status(self.source, self._answer)
        _check_length(self, self._answer)
        return _Body(self, self._answer)

    def _connect(self, address: HttpsAddress, places: Sequence[str]) -> HTTPSConnection:
        failures = []
        for place in places:
            # To the address that was checked, with the certificate of the name.
            self._connection = HTTPSConnection(
                place, address.port, timeout=_CONNECT_SECONDS, server_hostname=address.host
            )
            try:
                self._connection.connect()
            except (NewConnectionError, ConnectTimeoutError) as error:
                failures.append(str(error))
                self._check_time()
                continue
            self._connection.timeout = _IDLE_SECONDS
            self._socket = self._connection.sock
            self._check_time()  # it may have been over before there was a socket to cut
            return self._connection
        raise SourceUnavailable(f"{self.source} could not be read: {'; '.join(failures)}")

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Name what goes wrong while the server is waited for."""
        try:
            yield
        except (TimeoutError, ReadTimeoutError) as error:
            self._check_time()
            seconds = _IDLE_SECONDS if self._socket else _CONNECT_SECONDS
            raise SourceUnavailable(f"{self.source} could not be read: nothing came for {seconds} s") from error
        except _BROKEN_OFF as error:
            self._check_time()
            raise SourceUnavailable(f"{self.source} could not be read: {error}") from error
        # What was cut off may look like an end.
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
                # Of the connection below TLS, whose state belongs to the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class _Body:
    """The content of an answer, to be read once, and the SHA-256 of what was read."""

    def __init__(self, delivery: _Delivery, answer: BaseHTTPResponse) -> None:
        self._delivery = delivery
        self._answer = answer
        self._bytes = 0
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        with self._delivery.watched():
            # boto3 asks for all that is left only when it has seen the end.
            content = self._answer.read(None if size < 0 else size)
        self._bytes += len(content)
        if self._bytes > self._delivery.limits.max_bytes:
            raise _too_large(self._delivery, "more")
        self.digest.update(content)
        return content


def _check_length(delivery: _Delivery, answer: BaseHTTPResponse) -> None:
    """Refuse what says itself that it is too large before any of it is read."""
    told = answer.headers.get("Content-Length", "")
    if told.isdecimal() and int(told) > delivery.limits.max_bytes:
        raise _too_large(delivery, f"{int(told):,}")


def _too_large(delivery: _Delivery, size: str) -> SourceTooLarge:
    return SourceTooLarge(
        f"{delivery.source} has {size} bytes, and {delivery.limits.max_bytes:,} are the most that Ingest fetches over"
        " HTTPS: put it into the deployment's bucket under uploads/, or raise the stage's source_max_bytes"
    )


def _check_status(source: str, answer: BaseHTTPResponse) -> None:
    if answer.status == 200:  # noqa: PLR2004 - the only status that carries the whole file
        return
    if answer.status in {404, 410}:
        raise SourceNotFound(f"there is no file at {source} (HTTP {answer.status})")
    if location := answer.headers.get("Location"):
        raise SourceNotAllowed(
            f"{source} redirects to {location} and redirects are not followed: give that address itself"
        )
    raise SourceUnavailable(f"{source} answered HTTP {answer.status}")
