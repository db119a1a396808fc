"""The Lambda Runtime API: how the process of a function gets its events and hands back its answers.

Specified at https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Each execution environment has a server of
its own, so that at most one invocation is in flight per server. It answers the function's process alone: whoever else
connects, of this machine's users and programs, would get the next event and could answer it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from queue import SimpleQueue
from socketserver import ThreadingTCPServer
from typing import Any

import psutil

from process_emulator.answer import Answer
from process_emulator.settings import HOST

BASE = "/2018-06-01/runtime"
OWNER_SECONDS = 5
STRANGER_SECONDS = 1
"""How long a connection waits to hear which process is the function's, and how long one of another process may take."""

_ANSWER = re.compile(rf"{BASE}/invocation/([^/]+)/(response|error)")


@dataclass(frozen=True)
class Invocation:
    """One event for a function; `deadline_ms` counts from the epoch."""

    request_id: str
    function_arn: str
    trace_id: str
    payload: bytes
    deadline_ms: int


class RuntimeStopped(Exception):
    """The function's process is gone, or is being stopped, and will not answer."""


class RuntimeApi:
    """The server of one process: `initialized` is done when the process asks for its first event.

    `initialized` holds None, or the Answer that describes why the initialization failed.
    """

    def __init__(self) -> None:
        self.initialized: Future[Answer | None] = Future()
        self._owner: Future[int] = Future()
        self._events: SimpleQueue[Invocation | None] = SimpleQueue()
        self._answers: dict[str, Future[Answer]] = {}
        self._closed = threading.Event()
        self._server = _Server(self)

    @property
    def address(self) -> str:
        """Host and port, as AWS_LAMBDA_RUNTIME_API wants it."""
        return f"{HOST}:{self._server.server_address[1]}"

    def serve(self, pid: int) -> None:
        """Answer the process from now on, and no other."""
        _settle(self._owner, pid)

    def is_owner(self, client_port: int) -> bool:
        """Tell whether the connection from the port is one of the function's process, by its open files."""
        try:
            connections = psutil.Process(self._owner.result(OWNER_SECONDS)).net_connections("tcp4")
        except (TimeoutError, RuntimeStopped, psutil.Error):
            return False
        ends = (client_port, self._server.server_address[1])
        return any((connection.laddr.port, *connection.raddr[1:]) == ends for connection in connections)

    def invoke(self, invocation: Invocation, timeout_seconds: float) -> Answer:
        """Hand the event to the process and wait; TimeoutError if it takes too long, RuntimeStopped if it ends."""
        answer: Future[Answer] = Future()
        self._answers[invocation.request_id] = answer
        try:
            if self._closed.is_set():
                raise RuntimeStopped
            self._events.put(invocation)
            return answer.result(timeout_seconds)
        finally:
            del self._answers[invocation.request_id]

    def close(self) -> None:
        """Stop serving, and end every wait for the process with RuntimeStopped; may be called again."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._events.put(None)
        _abandon(self.initialized)
        _abandon(self._owner)
        for waiting in tuple(self._answers.values()):
            _abandon(waiting)
        self._server.stop()

    def next_event(self) -> Invocation | None:
        """Block until there is an event for the process; None when the server is closed."""
        _settle(self.initialized, None)
        return self._events.get()

    def accept_answer(self, request_id: str, answer: Answer) -> None:
        """Take the answer to an event; one that nobody waits for any more is dropped."""
        if waiting := self._answers.get(request_id):
            _settle(waiting, answer)

    def accept_init_error(self, payload: bytes) -> None:
        """Take the description of a failed initialization."""
        _settle(self.initialized, Answer(payload, is_error=True))


def _settle[T](future: Future[T], value: T) -> None:
    with contextlib.suppress(InvalidStateError):
        future.set_result(value)


def _abandon[T](future: Future[T]) -> None:
    with contextlib.suppress(InvalidStateError):
        future.set_exception(RuntimeStopped())


class _Server(ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__((HOST, 0), _Handler)
        self.api = api
        self._stopping = False
        threading.Thread(target=self._serve, daemon=True, name="lambda-runtime-api").start()

    def _serve(self) -> None:
        # Not serve_forever: it looks for a stop only twice a second, which would add up when many environments stop.
        while not self._stopping:
            with contextlib.suppress(OSError):
                self.handle_request()
        self.server_close()

    def stop(self) -> None:
        self._stopping = True
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.server_address[1]), timeout=1):
            pass  # wakes the accept

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore dropped connections: a process that is killed drops its own."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one packet
    server: _Server

    def setup(self) -> None:
        """Find out who has connected; a stranger does not keep a thread."""
        super().setup()
        self._is_of_function = self.server.api.is_owner(self.client_address[1])
        if not self._is_of_function:
            self.connection.settimeout(STRANGER_SECONDS)

    def parse_request(self) -> bool:
        """Read the request; one of a stranger is refused whatever it asks."""
        is_read = super().parse_request()
        if is_read and not self._is_of_function:
            self.close_connection = True
            self._reply(403, headers={"Connection": "close"})
            return False
        return is_read

    def do_GET(self) -> None:
        """Answer `/invocation/next`, once there is an event."""
        if self.path != f"{BASE}/invocation/next":
            self._reply(404)
            return
        event = self.server.api.next_event()
        if event is None:
            self._reply(410)
            return
        self._reply(
            200,
            event.payload,
            {
                "Lambda-Runtime-Aws-Request-Id": event.request_id,
                "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
                "Lambda-Runtime-Trace-Id": event.trace_id,
            },
        )

    def do_POST(self) -> None:
        """Take an answer, or an error."""
        body = self._body()
        if self.path == f"{BASE}/init/error":
            self.server.api.accept_init_error(body)
        elif match := _ANSWER.fullmatch(self.path):
            self.server.api.accept_answer(match[1], Answer(body, is_error=match[2] == "error"))
        else:
            self._reply(404)
            return
        self._reply(202, b'{"status":"OK"}')

    def handle_expect_100(self) -> bool:
        """Answer at once: the client waits a second for this line before it sends a large body."""
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing: each call would be two lines per invocation."""

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
