"""HTTPS addresses: read once, without passwords, and only of the internet."""

import re
import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from voucher_selection.adapters.sources.https import request_target
from voucher_selection.adapters.sources.network import is_of_the_internet, network_addresses
from voucher_selection.domain.errors import InvalidRequest, SourceNotAllowed
from voucher_selection.domain.https_addresses import parse_https
from voucher_selection.domain.kinds import parse_request

# Of these and single characters, addresses are made that two parsers could read differently.
PIECES = ("files", "Example", "127.0.0.1", "::1", "fe80", "0x7f", "443", "99999", "..", "%25", "%2f", "%41", "eth0")

METADATA = "169.254.169.254"
WITHIN = [
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "127.0.0.1",
    "0.0.0.0",  # noqa: S104 - as an address to connect to, it is this machine
    "100.64.0.1",
    METADATA,
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1%eth0",
    "fec0::1",
    "fd00:ec2::254",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    # IPv4 addresses as IPv6 addresses: mapped, compatible, by 6to4, by NAT64
    "::ffff:10.0.0.1",
    f"::ffff:{METADATA}",
    "::127.0.0.1",
    "2002:7f00:1::1",
    f"64:ff9b::{METADATA}",
]


@pytest.mark.parametrize("address", WITHIN)
def test_what_is_not_of_the_internet_is_seen(address: str):
    assert not is_of_the_internet(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_what_is_of_the_internet_is_seen(address: str):
    assert is_of_the_internet(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_an_address_is_refused_however_it_is_written(host: str):
    with pytest.raises(SourceNotAllowed, match="which is not an address of the internet"):
        network_addresses(parse_https(f"https://{host}/x.parquet"), private=False)


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    families = {True: socket.AF_INET6, False: socket.AF_INET}
    answer = [(families[":" in each], socket.SOCK_STREAM, 6, "", (each, 443)) for each in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)


def test_one_address_within_among_others_refuses_the_host(monkeypatch: pytest.MonkeyPatch):
    resolve_to(monkeypatch, "8.8.8.8", "10.0.0.1")

    with pytest.raises(SourceNotAllowed, match=r"'files\.example' is at 10\.0\.0\.1, .*source_private_addresses"):
        network_addresses(parse_https("https://files.example/x"), private=False)


def test_private_networks_are_read_where_the_stage_says_so(monkeypatch: pytest.MonkeyPatch):
    own = ["8.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "fd12::1", "::ffff:10.0.0.1"]
    resolve_to(monkeypatch, *own)

    assert network_addresses(parse_https("https://files.example/x"), private=True) == own


@pytest.mark.parametrize("address", [METADATA, f"::ffff:{METADATA}", "fe80::1", "0.0.0.0", "224.0.0.1", "ff02::1"])  # noqa: S104
def test_metadata_services_are_refused_wherever(monkeypatch: pytest.MonkeyPatch, address: str):
    resolve_to(monkeypatch, address)

    with pytest.raises(SourceNotAllowed, match="is at "):
        network_addresses(parse_https("https://files.example/x"), private=True)


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("https://files.example/a/x.parquet", ("files.example", 443, "/a/x.parquet")),
        ("https://Files.Example:443/x?a=b@c", ("files.example", 443, "/x?a=b@c")),
        ("https://files.example:8443", ("files.example", 8443, "/")),
        ("https://[2606:4700::1111]:8443/x", ("2606:4700::1111", 8443, "/x")),
        (r"https://files.example\.other.example/x", ("files.example", 443, "/%5C.other.example/x")),
    ],
)
def test_an_address_is_read_in_its_parts(source: str, read: tuple[str, int, str]):
    address = parse_https(source)

    assert (address.host, address.port, request_target(address)) == read


@given(source=st.lists(st.sampled_from([*PIECES, *"/:.?#%[]\\@ é0"]), max_size=8).map("".join))
@example("[::1]:443/a/../b?c#d")
@example("[fe80::1%25eth0]/x")
@example("0x7f.1:00080/%c3%A9/./é?é%")
@example("files.example:065536")
def test_an_address_is_read_as_the_client_reads_addresses(source: str):
    """Only our parser reads the host, and the client's the rest: they must agree where the host ends."""
    try:
        theirs = parse_url(f"https://{source}")
    except LocationParseError:
        theirs = Url()
    try:
        ours = parse_https(f"https://{source}")
    except ValueError:
        # Refused by us alone: a user, and a host that is percent-encoded or not in ASCII.
        authority = re.split("[/?#]", source)[0]
        assert not theirs.host or "@" in authority or "%" in authority or not source.isascii()
        return

    read = (ours.host, ours.port, request_target(ours))
    assert read == ((theirs.host or "").strip("[]").lower(), theirs.port or 443, theirs.request_uri)


def test_the_host_is_asked_for_with_a_port_that_is_not_the_usual_one():
    assert parse_https("https://files.example:443/x").authority == "files.example"
    assert parse_https("https://files.example:8443/x").authority == "files.example:8443"
    assert parse_https("https://[2606:4700::1111]:8443/x").authority == "[2606:4700::1111]:8443"


@pytest.mark.parametrize(
    "source",
    [
        "https://bob:sesame@files.example/x.parquet",
        "https://bob:sesame@files.example",
        "https://sesame@files.example/x.parquet",
        r"https://bob:sesame\@files.example/x.parquet",
        "https://bob:ses/sesame@files.example/x.parquet",
        "ftp://bob:sesame@files.example/x.parquet",
    ],
)
@pytest.mark.parametrize("key", ["source", "customers"])
def test_a_password_in_an_address_is_refused_and_not_repeated(source: str, key: str):
    request = {"source": source} if key == "source" else {"mode": "assign", "customers": source}

    with pytest.raises(InvalidRequest, match=f"{key}: expected ") as refusal:
        parse_request(request)

    assert "sesame" not in str(refusal.value)
    assert "sesame" not in str(refusal.value.problems)


@pytest.mark.parametrize("source", ["https://files.example:99999/x", "https://files.example:x/x", "https://?x"])
def test_an_address_without_a_host_or_with_a_wrong_port_is_refused(source: str):
    with pytest.raises(InvalidRequest, match="source: expected an address like https://host/path, and "):
        parse_request({"source": source})
