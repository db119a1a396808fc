"""HTTP as the quickstart asks: this machine directly, any other through the proxies that the environment names."""

import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, NamedTuple, Self
from urllib.parse import SplitResult, quote, urlsplit

_ADDRESS = "127.0.0.1"
_SECONDS = 30
_SAFE = "%/:?[]@!$&'()*+,;="
"""What stays as it is in an address beside letters and digits."""
_NEXT = re.compile(r'<([^>]*)>; *rel="?next\b')
"""The address of the next part, in a header `Link` (RFC 8288)."""


class Answer(NamedTuple):
    """The status and the body of an answer; `following` is the address of its next part, if it is one of several."""

    status: int
    text: str
    following: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether the answer is 200: neither a problem nor a redirection."""
        return self.status == HTTPStatus.OK

    @property
    def body(self) -> dict[str, Any]:
        """The body, read from JSON; a body that is not JSON becomes a `detail`."""
        try:
            content: dict[str, Any] = json.loads(self.text)
        except ValueError:
            return {"status": self.status, "detail": self.text}
        return content


def ask(
    url: str,
    body: str | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    seconds: float,
    through: str | None = None,
) -> Answer:
    """Get an address, or post a body to it; a problem or a redirection is an answer too.

    Parameters
    ----------
    seconds
        The longest wait for the connection, and for each part of the answer.
    through
        The host to connect to, where the name of the address may not resolve yet. The certificate is still that of the
        name. A proxy opens connections to names only: through one, the address itself is asked.

    Raises
    ------
    ConnectionError
        No answer in HTTP comes in time.
    """
    reached = _Reached.of(url, headers, through)
    method = "GET" if body is None else "POST"
    if reached.is_here:
        return _asked_here(method, reached, body, seconds)
    import httpx  # noqa: PLC0415 - it takes as long as all else that a lookup here imports

    try:
        with httpx.Client(**reached.options(seconds)) as client:
            answer = client.request(
                method, reached.url, content=body, headers=reached.headers, extensions=reached.extensions
            )
    except httpx.RequestError as error:
        raise ConnectionError(str(error) or type(error).__name__) from error
    return _answer(answer.status_code, answer.content, answer.headers.get("Link"))


def _asked_here(method: str, reached: "_Reached", body: str | None, seconds: float) -> Answer:
    """Ask this machine, where neither proxies nor names of certificates count."""
    parts = urlsplit(reached.url)
    host, port = str(parts.hostname), parts.port
    # People may type anything as the name of a run.
    path = quote(parts._replace(scheme="", netloc="", path=parts.path or "/").geturl(), safe=_SAFE)
    if parts.scheme == "https":
        connection: HTTPConnection = HTTPSConnection(host, port, timeout=seconds, context=_certificates(is_here=True))
    else:
        connection = HTTPConnection(host, port, timeout=seconds)
    try:
        connection.request(method, path, None if body is None else body.encode(), reached.headers)
        answer = connection.getresponse()
        return _answer(answer.status, answer.read(), answer.getheader("Link"))
    except (OSError, HTTPException) as error:
        raise ConnectionError(str(error) or type(error).__name__) from error
    finally:
        connection.close()


def _answer(status: int, content: bytes, link: str | None) -> Answer:
    following = _NEXT.search(link or "")
    return Answer(status, content.decode(errors="replace"), following and following[1])


@contextmanager
def asking_often(url: str, headers: Mapping[str, str]) -> Iterator[Callable[[str], Answer]]:
    """Yield what posts a body to an address, every time on the same connection."""
    import httpx  # noqa: PLC0415 - see above

    reached = _Reached.of(url, headers)
    with httpx.Client(**reached.options(_SECONDS)) as client:

        def post(body: str) -> Answer:
            answer = client.post(reached.url, content=body, headers=reached.headers)
            return Answer(answer.status_code, answer.text)

        yield post


class _Reached(NamedTuple):
    """An address as it is reached from here: names of this machine by its IP, others perhaps through a proxy."""

    url: str
    headers: dict[str, str]
    is_here: bool
    proxy: str | None
    extensions: dict[str, Any]

    @classmethod
    def of(cls, url: str, headers: Mapping[str, str] | None, through: str | None = None) -> Self:
        parts, sent = urlsplit(url), dict(headers or {})
        is_here = is_loopback(parts.hostname or "")
        proxy = None if is_here else _proxy(parts)
        # not every resolver knows the names below `localhost`
        host = _ADDRESS if is_here else None if proxy else through
        if not host:
            return cls(url, sent, is_here, proxy, {})
        sent["Host"] = parts.netloc
        reached = parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host).geturl()
        return cls(reached, sent, is_here, proxy, {} if is_here else {"sni_hostname": parts.hostname})

    def options(self, seconds: float) -> dict[str, Any]:
        """Return the options of a client of httpx; the environment's own settings do not count."""
        certificates = _certificates(is_here=self.is_here)
        return {"timeout": seconds, "verify": certificates, "proxy": self.proxy, "trust_env": False}


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, as every name below `localhost` is (RFC 6761)."""
    return host in {"localhost", "::1"} or host.endswith(".localhost") or host.startswith("127.")


@cache
def _certificates(*, is_here: bool) -> ssl.SSLContext:
    """Return what checks certificates as the system does, and for this machine, which signs its own, nothing."""
    if not is_here:
        return ssl.create_default_context()
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    return unchecked


def _proxy(parts: SplitResult) -> str | None:
    """Return the proxy that the environment names for an address; httpx would fail on a SOCKS proxy for the rest."""
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - see above

    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(parts.netloc):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
