"""HTTPS addresses: the parts of `https://host:port/path?query`."""

import re
from ipaddress import IPv6Address
from typing import NamedTuple

_HTTPS_PORT = 443
_LARGEST_PORT = 65_535
# A backslash ends the host, as in browsers and urllib3: what follows it must not pass for a part of the host.
_PARTS = re.compile(r"(?P<authority>[^\\/?#]*)(?P<target>[^#]*)")
# Names in ASCII only, nothing of them percent-encoded: what is checked is then what DNS is asked for.
_AUTHORITY = re.compile(
    r"(?:\[(?P<ipv6>[^\]]*)\]|(?P<name>[^\[\]%:\x00-\x20\x7f-\U0010ffff]*))(?::0*(?P<port>[0-9]{0,5}))?"
)


class HttpsAddress(NamedTuple):
    """An address `https://…`: as it was given but for the case of its scheme, and in its parts.

    `host` is a name in lower case, or an IP address without brackets. `target` is the path and the query as given, not
    yet encoded for a request.
    """

    given: str
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        """Return the address as it was given."""
        return self.given

    @property
    def authority(self) -> str:
        """The host, with a port other than 443, as the header `Host` has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _HTTPS_PORT else f"{host}:{self.port}"


def parse_https(source: str) -> HttpsAddress:
    """Read an address `https://…`. No other code reads the host: what is checked is what is connected to.

    Raises
    ------
    ValueError
        The host is missing, the host or the port is not valid, or there is a user or a password. No message repeats
        these: a part of a password may be where a host or a port should be.
    """
    rest = source.partition("://")[2]
    if "@" in re.split("[/?#]", rest, maxsplit=1)[0]:
        raise ValueError(
            "expected an https address without user and password, which everyone would see who sees the run: give one"
            " whose query is signed, or put the file into the deployment's bucket under uploads/"
        )
    authority, target = _PARTS.match(rest).groups()  # type: ignore[union-attr]  # it matches any text
    host, port = _host_and_port(authority)
    if not host:
        raise ValueError("expected an address like https://host/path, and the host is missing")
    return HttpsAddress(f"https://{rest}", host, port, target)


def _host_and_port(authority: str) -> tuple[str, int]:
    found = _AUTHORITY.fullmatch(authority)
    port = int(found["port"] or 0) if found else 0
    if found is None or port > _LARGEST_PORT or (found["ipv6"] is not None and not _is_ipv6(found["ipv6"])):
        raise ValueError("expected an address like https://host/path, and the host or the port is not valid")
    host = found["name"] if found["ipv6"] is None else found["ipv6"].replace("%25", "%")
    return host.lower(), port or _HTTPS_PORT


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text.replace("%25", "%"))
    except ValueError:
        return False
    return True
