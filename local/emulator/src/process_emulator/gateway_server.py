"""LocalStack's HTTP and HTTPS server, on the loopback interface only, behind the door of `admission`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localstack.aws.serving.twisted import TLSMultiplexerFactory
from localstack.runtime.server.twisted import TwistedRuntimeServer
from rolo.serving import twisted
from rolo.serving.twisted import HeaderPreservingWSGIResponse, TwistedGateway
from twisted.internet import endpoints, reactor, ssl

from process_emulator.admission import GuardedGateway
from process_emulator.credentials import KEYS

if TYPE_CHECKING:
    from localstack.config import HostAndPort
    from rolo.gateway import Gateway


THREADS_SECONDS = 2
"""How long requests that are being answered may take to end when the emulator stops."""

BACKLOG = 1024
"""How many connections may come at once; beyond, they are reset."""


LARGEST_PIECE = 1024 * 1024
"""Bytes of an answer that is sent as a whole; the network's thread sends larger ones piece by piece."""


class AnswerInOnePiece(HeaderPreservingWSGIResponse):  # type: ignore[misc]
    """An answer whose thread hands it over once: otherwise it waits for the network's thread before it ends."""

    def write(self, data: bytes) -> None:
        """Keep a piece of a small answer; `run` sends the headers when the answer is complete."""
        length = next((value for name, value in self.headers if name.lower() == "content-length"), None)
        if length is None or int(length) > LARGEST_PIECE:
            super().write(data)
        else:
            self._pieces.append(data)

    def startResponse(self, status: str, headers: list[tuple[str, str]], excInfo: Any = None) -> Any:  # noqa: N802, N803
        """Begin the answer, or begin it again: what was written of it before is nothing then."""
        self._pieces: list[bytes] = []
        return super().startResponse(status, headers, excInfo)

    def _sendResponseHeaders(self) -> None:  # noqa: N802 - Twisted's name
        super()._sendResponseHeaders()
        if self._pieces:
            self.request.write(b"".join(self._pieces))


class QuietGateway(TwistedGateway):  # type: ignore[misc]
    """The gateway without Twisted's line for each request, which nothing reads: LocalStack writes one of its own."""

    def log(self, request: Any) -> None:
        """Write nothing."""


class LoopbackRuntimeServer(TwistedRuntimeServer):  # type: ignore[misc]
    """LocalStack's default server listens on every interface, whatever host it was given: this one does as told."""

    def register(self, gateway: Gateway, listen: list[HostAndPort], ssl_creds: tuple[str, str] | None = None) -> None:
        """Listen on the given hosts; with a certificate, TLS is told from plain HTTP by a connection's first byte."""
        twisted.HeaderPreservingWSGIResponse = AnswerInOnePiece
        protocol = QuietGateway(GuardedGateway(gateway, KEYS.secret_of))
        if ssl_creds:
            certificate, key = ssl_creds
            context = ssl.DefaultOpenSSLContextFactory(key, certificate)
            context.getContext().use_certificate_chain_file(certificate)
            protocol = TLSMultiplexerFactory(context, isClient=False, wrappedFactory=protocol)
        for address in listen:
            endpoint = endpoints.TCP4ServerEndpoint(reactor, address.port, BACKLOG, interface=address.host)
            endpoint.listen(protocol)

    def shutdown(self) -> None:
        """Stop at once: the reactor is told from its own thread, or it would notice only at its next event."""
        if self.thread_pool:
            self.thread_pool.stop(timeout=THREADS_SECONDS)
        reactor.callFromThread(reactor.stop)
