"""HTTPS addresses: what a source's address says, what may be fetched, and which network addresses a host may have."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import unquote

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from voucher_selection.domain.errors import SourceNotAllowed, SourceUnavailable

_HTTPS_PORT = 443
# What a company has behind its firewall. Link-local addresses are not among them: metadata services answer there.
_OWN_NETWORKS = tuple(
    ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "fc00::/7",
        "::1/128",
    )
)
# The only part of IPv6 that is given out for hosts of the internet (RFC 4291, 2.4).
_IPV6_INTERNET = ip_network("2000::/3")
# Its last 32 bits are the IPv4 address that a NAT64 gateway connects to (RFC 6052).
_NAT64 = ip_network("64:ff9b::/96")


class HttpsAddress(NamedTuple):
    """An address `https://…` in its parts: the host in lower case, and the path with the query."""

    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """The host as the header `Host` has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _HTTPS_PORT else f"{host}:{self.port}"

    @property
    def folders(self) -> list[str]:
        """The parts of the path before its last."""
        return [unquote(part) for part in self.target.partition("?")[0].split("/")[:-1]]

    @property
    def file_name(self) -> str:
        """The last part of the path, with letters and digits as they are and `_` for what a key should not have."""
        path = self.target.partition("?")[0]
        return re.sub(r"[^A-Za-z0-9._-]", "_", unquote(path).rpartition("/")[2]) or "history.parquet"


def parse_https(source: str) -> HttpsAddress:
    """Read an address `https://…`. What is checked is what is connected to: nothing else reads addresses.

    Raises
    ------
    ValueError
        It has no host, or a port that is none; or it has a user or a password, which the message does not repeat.
    """
    if "@" in re.split("[/?#]", source.removeprefix("https://"), maxsplit=1)[0]:
        raise ValueError(
            "expected an https address without user and password, which everyone would see who sees the run: give one"
            " whose query is signed, or put the file into the deployment's bucket under uploads/"
        )
    try:
        url: Url = parse_url(source)
    except LocationParseError:
        raise ValueError("expected an address like https://host/path, and its host or its port is none") from None
    if not url.host:
        raise ValueError("expected an address like https://host/path, and it has no host")
    return HttpsAddress(url.host.strip("[]"), url.port or _HTTPS_PORT, url.request_uri)


def network_addresses(address: HttpsAddress, *, private: bool) -> list[str]:
    """Ask once where the host is, and return its addresses, all of which may be connected to.

    Connect to one of these and not to the name: asked a second time, the name may lead elsewhere.

    Parameters
    ----------
    private
        Whether addresses of private networks and of this machine are allowed too.

    Raises
    ------
    SourceNotAllowed
        One of the addresses is not one of the internet.
    SourceUnavailable
        The name leads nowhere.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceUnavailable(f"the host {address.host!r} was not found: {error}") from error
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    for refused in (each for each in addresses if not _is_allowed(each, private=private)):
        raise SourceNotAllowed(
            f"the host {address.host!r} is at {refused}, which is no address of the internet: only these are read, and"
            " with the stage's source_private_addresses those of private networks (not link-local ones)"
        )
    return addresses


def _is_allowed(address: str, *, private: bool) -> bool:
    if is_of_the_internet(address):
        return True
    ip = _connected_to(ip_address(address))
    return private and any(ip in network for network in _OWN_NETWORKS)


def is_of_the_internet(address: str) -> bool:
    """Tell whether an IP address can be that of a server of the internet, whichever way it is written."""
    ip = _connected_to(ip_address(address))
    if isinstance(ip, IPv6Address):
        return ip.is_global and ip in _IPV6_INTERNET
    return ip.is_global and not ip.is_multicast


def _connected_to(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, or else the address itself."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip
