"""HTTP as the quickstart asks: this machine directly, and any other through the proxies that the environment names."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple, override
from urllib.parse import urlsplit

_ADDRESS = "127.0.0.1"


class Answer(NamedTuple):
    """What was answered: a status, and the body as it came."""

    status: int
    text: str

    @property
    def is_good(self) -> bool:
        """Whether it is what was asked for, and no problem."""
        return self.status == HTTPStatus.OK

    @property
    def body(self) -> dict[str, Any]:
        """The body, read from JSON; one that is none is its own `detail`."""
        try:
            content: dict[str, Any] = json.loads(self.text)
        except ValueError:
            return {"status": self.status, "detail": self.text}
        return content


def ask(url: str, body: str | None = None, headers: Mapping[str, str] | None = None, *, seconds: float) -> Answer:
    """Ask for what is at an address, or post a body; an answer that is a problem or a redirection is an answer too.

    Parameters
    ----------
    seconds
        How long may be waited for the connection, and for each part of the answer.

    Raises
    ------
    OSError
        Nobody answers.
    http.client.HTTPException
        What comes is no HTTP.
    """
    parts = urlsplit(url)
    is_here = is_loopback(parts.hostname or "")
    sent = dict(headers or {})
    if is_here:  # not every resolver knows the names below `localhost`
        sent["Host"] = parts.netloc
        url = parts._replace(netloc=f"{_ADDRESS}:{parts.port}" if parts.port else _ADDRESS).geturl()
    request = urllib.request.Request(url, body.encode() if body is not None else None, sent)  # noqa: S310 - http, https
    try:
        with _opener(is_here=is_here).open(request, timeout=seconds) as answer:
            return Answer(answer.status, answer.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read().decode(errors="replace"))
    except urllib.error.URLError as error:
        raise error.reason if isinstance(error.reason, OSError) else error from error


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, as every name below `localhost` is (RFC 6761)."""
    return host in {"localhost", "::1"} or host.endswith(".localhost") or host.startswith("127.")


class _AsItCame(urllib.request.HTTPRedirectHandler):
    @override
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


@cache
def _opener(*, is_here: bool) -> urllib.request.OpenerDirector:
    if not is_here:
        return urllib.request.build_opener(_AsItCame)
    unchecked = ssl.create_default_context()  # this machine signs its certificate itself
    unchecked.check_hostname = False
    unchecked.verify_mode = ssl.CERT_NONE
    direct = urllib.request.ProxyHandler({})
    return urllib.request.build_opener(direct, urllib.request.HTTPSHandler(context=unchecked), _AsItCame)
