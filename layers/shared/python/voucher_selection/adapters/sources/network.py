"""Network addresses: where a host is, by DNS, and whether Ingest may connect to it."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from voucher_selection.domain.errors import SourceNotAllowed, SourceUnavailable
from voucher_selection.domain.https_addresses import HttpsAddress

# What a company has behind its firewall. Link-local addresses are not among them: metadata services answer there.
_PRIVATE_NETWORKS = tuple(
    ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8"),
        *("fc00::/7", "::1/128"),
    )
)
# The only part of IPv6 that is given out for hosts of the internet (RFC 4291, 2.4).
_IPV6_INTERNET = ip_network("2000::/3")
# Its last 32 bits are the IPv4 address that a NAT64 gateway connects to (RFC 6052).
_NAT64 = ip_network("64:ff9b::/96")


def network_addresses(address: HttpsAddress, *, private: bool) -> list[str]:
    """Ask DNS once where the host is, and return its network addresses; all of them may be connected to.

    Connect to one of these and not to the name: DNS may answer the next question with another address.

    Raises
    ------
    SourceNotAllowed
        One of the addresses is not an address of the internet, nor with `private` one of a private network.
    SourceUnavailable
        DNS does not know the host.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceUnavailable(f"{address}: the host {address.host!r} was not found: {error}") from error
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    for refused in (each for each in addresses if not _is_allowed(each, private=private)):
        raise SourceNotAllowed(
            f"{address}: the host {address.host!r} is at {refused}, which is not an address of the internet: Ingest"
            " reads only these, and private networks if the stage's source_private_addresses is true, but never"
            " link-local addresses"
        )
    return addresses


def is_of_the_internet(address: str) -> bool:
    """Return whether an IP address can belong to a server of the internet, in whichever form it is written."""
    ip = _connected_to(ip_address(address))
    if isinstance(ip, IPv6Address):
        return ip.is_global and ip in _IPV6_INTERNET
    return ip.is_global and not ip.is_multicast


def _is_allowed(address: str, *, private: bool) -> bool:
    if is_of_the_internet(address):
        return True
    ip = _connected_to(ip_address(address))
    return private and any(ip in network for network in _PRIVATE_NETWORKS)


def _connected_to(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 address stands for, or else the address itself."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip
