"""A history fetched over HTTPS: streamed into the lake, or refused with a cause."""

import hashlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from tests.environment import BUCKET
from tests.histories import history, parquet_bytes
from tests.integration.conftest import Pipeline, read_json
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.sources import https
from voucher_selection.adapters.sources.landing import land
from voucher_selection.adapters.sources.limits import HttpsLimits
from voucher_selection.domain import errors

KEYS = RunKeys("run-1")
# As for a test's own server, which is on this machine.
LIMITS = HttpsLimits(
    hosts=("localhost", "files.example", "other.example"), private_addresses=True, max_bytes=10**9, seconds=60
)
# From this size on boto3 uploads in parts.
IN_PARTS = 9 * 1024 * 1024


@dataclass
class Site:
    """An HTTPS server: its address, what it serves by path, and the paths that were asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    raw: dict[str, Iterable[bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)

    def called(self, name: str) -> str:
        """The address of a file here, where the host goes by another name."""
        return f"{self.url.replace('localhost', name)}/x.parquet"


@pytest.fixture
def site(environment: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    with serving(tmp_path, environment) as site:
        yield site


@contextmanager
def serving(folder: Path, environment: pytest.MonkeyPatch) -> Iterator[Site]:
    """Serve a site until the end of the block, with a certificate that the environment trusts."""
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            site.hosts.append(self.headers["Host"])
            if location := site.redirects.get(self.path):
                self.send_response(302)
                self.send_header("Location", location)
                self.end_headers()
                return
            if pieces := site.raw.get(self.path):
                self.answer_raw(pieces)
                return
            content = site.files.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write((content or b"")[: len(content or b"") // 2] if self.path in site.cut else content or b"")

        def answer_raw(self, pieces: Iterable[bytes]) -> None:
            for piece in pieces:
                try:
                    self.wfile.write(piece)
                except OSError:  # nobody listens any more
                    return

        def log_message(self, *_: object) -> None:
            pass

    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    environment.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "files.example").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    site.url = f"https://localhost:{server.server_address[1]}"
    yield site
    server.shutdown()
    server.server_close()


type Names = dict[str, list[list[str]]]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """What names lead to: the addresses that each question for one is answered with, one question after the other."""
    answers: Names = {}
    ask: Callable[..., list[tuple]] = socket.getaddrinfo

    def answer(host: str, port: int, *arguments: int, **options: int) -> list[tuple]:
        if host not in answers:
            return ask(host, port, *arguments, **options)
        if not answers[host]:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [found for address in answers[host].pop(0) for found in ask(address, port, *arguments, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return answers


@pytest.fixture
def parts_begun(lake: Lake) -> list[str]:
    """The keys of uploads in parts, as they are begun."""
    begun: list[str] = []
    lake.client.meta.events.register(
        "provide-client-params.s3.CreateMultipartUpload", lambda params, **_: begun.append(params["Key"])
    )
    return begun


def left_in(lake: Lake) -> list[str]:
    """Objects, and parts that wait to become one."""
    uploads = lake.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    return [*lake.list(""), *(upload["Key"] for upload in uploads)]


def dripping(whole: bytes, slow: bytes, pause: float = 0.05) -> Iterator[bytes]:
    yield whole
    for byte in slow:
        time.sleep(pause)
        yield bytes([byte])


@pytest.fixture
def allowed(environment: pytest.MonkeyPatch, pipeline: Pipeline) -> Pipeline:
    environment.setenv("SOURCE_HOSTS", '["localhost"]')
    environment.setenv("SOURCE_PRIVATE_ADDRESSES", "true")
    pipeline.reload()
    return pipeline


def test_a_file_is_landed_as_it_was_served(site: Site, allowed: Pipeline, lake: Lake):
    content = parquet_bytes(history({}, {}))
    site.files["/exports/May%202018.parquet?signature=x"] = content

    summary = allowed.run("run-1", {"source": f"{site.url}/exports/May%202018.parquet?signature=x"})

    assert summary["rows"]["kept"] == 2
    landed = lake.client.get_object(Bucket=BUCKET, Key="raw/run_id=run-1/f/May_2018.parquet")["Body"].read()
    assert landed == content
    (planned,) = read_json(lake, KEYS.plan)["files"]
    assert planned["identity"] == f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_a_host_off_the_list_is_refused_before_it_is_asked(site: Site, pipeline: Pipeline):
    with pytest.raises(errors.SourceNotAllowed, match="'localhost' is not among the HTTPS hosts"):
        pipeline.ingest("bad", {"source": f"{site.url}/x.parquet"})

    assert site.asked == []


def test_a_list_with_an_asterisk_allows_any_host(site: Site, environment, allowed: Pipeline):
    environment.setenv("SOURCE_HOSTS", '["files.example", "*"]')
    allowed.reload()
    site.files["/x.parquet"] = parquet_bytes(history({}))

    assert allowed.run("run-1", {"source": f"{site.url}/x.parquet"})["rows"]["kept"] == 1


@pytest.mark.parametrize(
    "hosts", [[], ["*host"], ["local*"], ["*.localhost"], ["calhos"], ["localhost.example"], ["**"]]
)
def test_a_host_is_on_the_list_only_by_its_whole_name(site: Site, environment, allowed: Pipeline, hosts: list[str]):
    environment.setenv("SOURCE_HOSTS", json.dumps(hosts))
    allowed.reload()

    with pytest.raises(errors.SourceNotAllowed, match="'localhost' is not among the HTTPS hosts"):
        allowed.ingest("bad", {"source": f"{site.url}/x.parquet"})

    assert site.asked == []


def test_the_path_of_an_address_has_columns(site: Site, allowed: Pipeline):
    site.files["/country_code=Peru/x.parquet?sig=a/total_orders=9/b"] = parquet_bytes(
        history({}).drop_columns(["country_code"])
    )

    summary = allowed.run("run-1", {"source": f"{site.url}/country_code=Peru/x.parquet?sig=a/total_orders=9/b"})

    assert summary["rows"]["kept"] == 1


def test_a_redirect_is_not_followed(site: Site, allowed: Pipeline):
    site.redirects["/x.parquet"] = f"{site.url}/other.parquet"

    with pytest.raises(errors.SourceNotAllowed, match=r"redirects to https://localhost:\d+/other.parquet"):
        allowed.ingest("bad", {"source": f"{site.url}/x.parquet"})

    assert site.asked == ["/x.parquet"]


def test_a_file_that_is_not_there_is_named(site: Site, allowed: Pipeline):
    with pytest.raises(errors.SourceNotFound, match=f"there is no file at {site.url}/none.parquet"):
        allowed.ingest("bad", {"source": f"{site.url}/none.parquet"})


def test_an_answer_that_breaks_off_is_no_history(site: Site, allowed: Pipeline, lake: Lake):
    site.files["/x.parquet"] = parquet_bytes(history({}))
    site.cut.add("/x.parquet")

    with pytest.raises(errors.SourceUnavailable, match="could not be read"):
        allowed.ingest("bad", {"source": f"{site.url}/x.parquet"})

    assert list(lake.list("raw/")) == []


def test_a_certificate_that_is_not_trusted_is_refused(site: Site, environment, allowed: Pipeline):
    environment.delenv("SSL_CERT_FILE")

    with pytest.raises(errors.SourceUnavailable, match="certificate verify failed"):
        allowed.ingest("bad", {"source": f"{site.url}/x.parquet"})


def test_a_certificate_of_another_name_is_refused(site: Site, names: Names, lake: Lake):
    names["other.example"] = [["127.0.0.1"]]

    with pytest.raises(
        errors.SourceUnavailable, match="Hostname mismatch, certificate is not valid for 'other.example'"
    ):
        land(site.called("other.example"), lake, KEYS, LIMITS)

    assert site.asked == []


@pytest.mark.parametrize("hosts", [("localhost",), ("*",)])
def test_a_host_on_the_list_that_is_in_a_private_network_is_refused_before_it_is_asked(
    site: Site, environment: pytest.MonkeyPatch, pipeline: Pipeline, hosts: tuple[str, ...]
):
    environment.setenv("SOURCE_HOSTS", json.dumps(hosts))
    pipeline.reload()

    with pytest.raises(errors.SourceNotAllowed, match="'localhost' is at .*1, which is not an address of the internet"):
        pipeline.ingest("bad", {"source": f"{site.url}/x.parquet"})

    assert site.asked == []


def test_a_name_is_asked_for_once_and_what_it_was_then_is_connected_to(site: Site, names: Names, lake: Lake):
    names["files.example"] = [["127.0.0.1"], ["127.0.0.2"]]
    site.files["/x.parquet"] = b"content"

    land(site.called("files.example"), lake, KEYS, LIMITS)

    assert names["files.example"] == [["127.0.0.2"]]
    assert site.asked == ["/x.parquet"]
    assert site.hosts == [site.called("files.example").split("/")[2]]


def test_a_name_that_leads_within_after_it_was_checked_does_not_lead_there(
    site: Site, names: Names, lake: Lake, monkeypatch: pytest.MonkeyPatch
):
    names["files.example"] = [["8.8.8.8"], ["127.0.0.1"]]
    connected_to = []

    def connect(place: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected_to.append(place[0])
        raise OSError("no tests on the internet")

    monkeypatch.setattr("urllib3.util.connection.create_connection", connect)

    with pytest.raises(errors.SourceUnavailable, match="no tests on the internet"):
        land(site.called("files.example"), lake, KEYS, LIMITS._replace(private_addresses=False))

    assert connected_to == ["8.8.8.8"]
    assert site.asked == []


def test_the_next_address_is_asked_where_the_first_cannot_be_connected_to(site: Site, names: Names, lake: Lake):
    names["files.example"] = [["127.0.0.2", "127.0.0.1"]]
    site.files["/x.parquet"] = b"content"

    land(site.called("files.example"), lake, KEYS, LIMITS)

    assert lake.client.get_object(Bucket=BUCKET, Key=KEYS.raw("x.parquet"))["Body"].read() == b"content"


def test_a_name_that_there_is_not_is_told(names: Names, lake: Lake):
    names["files.example"] = []

    with pytest.raises(errors.SourceUnavailable, match="the host 'files.example' was not found"):
        land("https://files.example/x.parquet", lake, KEYS, LIMITS)


def test_a_file_that_says_it_is_too_large_is_refused_before_it_is_read(site: Site, lake: Lake):
    site.raw["/x.parquet"] = [b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", b"never read"]

    with pytest.raises(errors.SourceTooLarge, match="has 1,001 bytes, and Ingest fetches at most 1,000 over HTTPS"):
        land(f"{site.url}/x.parquet", lake, KEYS, LIMITS._replace(max_bytes=1000))


def test_a_file_of_exactly_the_limit_is_landed(site: Site, lake: Lake):
    site.files["/x.parquet"] = bytes(1000)

    land(f"{site.url}/x.parquet", lake, KEYS, LIMITS._replace(max_bytes=1000))

    assert lake.client.head_object(Bucket=BUCKET, Key=KEYS.raw("x.parquet"))["ContentLength"] == 1000


def test_a_file_that_goes_on_beyond_the_limit_leaves_nothing_behind(site: Site, lake: Lake, parts_begun: list[str]):
    chunk = b"100000\r\n%b\r\n" % bytes(0x100000)
    site.raw["/x.parquet"] = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[chunk] * 40]

    with pytest.raises(errors.SourceTooLarge, match="has more bytes, and Ingest fetches at most 20,000,000 over HTTPS"):
        land(f"{site.url}/x.parquet", lake, KEYS, LIMITS._replace(max_bytes=20_000_000))

    assert parts_begun == [KEYS.raw("x.parquet")]
    assert left_in(lake) == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n" + bytes(IN_PARTS),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (IN_PARTS, bytes(IN_PARTS)),
    ],
    ids=["promised", "chunked"],
)
def test_a_file_that_ends_before_it_was_to_leaves_nothing_behind(
    site: Site, lake: Lake, parts_begun: list[str], answer: bytes
):
    site.raw["/x.parquet"] = [answer]

    with pytest.raises(errors.SourceUnavailable, match="could not be read: "):
        land(f"{site.url}/x.parquet", lake, KEYS, LIMITS)

    assert parts_begun == [KEYS.raw("x.parquet")]
    assert left_in(lake) == []


@pytest.mark.parametrize(
    ("whole", "slow"),
    [
        (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", bytes(1000)),
        (b"HTTP/1.1 200 OK\r\n\r\n", bytes(1000)),
    ],
    ids=["headers", "content", "content of unknown size"],
)
def test_a_server_that_sends_a_byte_now_and_then_is_cut_off_in_time(site: Site, lake: Lake, whole: bytes, slow: bytes):
    site.raw["/x.parquet"] = dripping(whole, slow)
    started = time.monotonic()

    with pytest.raises(errors.SourceUnavailable, match=r"was not delivered within 0\.4 s: put it into"):
        land(f"{site.url}/x.parquet", lake, KEYS, LIMITS._replace(seconds=0.4))

    assert time.monotonic() - started < 5  # and the 1,000 bytes take 50
    assert left_in(lake) == []


def test_a_server_that_falls_silent_is_told(site: Site, lake: Lake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(https, "_IDLE_SECONDS", 0.2)
    site.raw["/x.parquet"] = dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"xy", pause=2)

    with pytest.raises(errors.SourceUnavailable, match=r"could not be read: nothing came for 0\.2 s"):
        land(f"{site.url}/x.parquet", lake, KEYS, LIMITS)


def test_the_limits_are_those_of_the_deployment(site: Site, environment: pytest.MonkeyPatch, allowed: Pipeline):
    site.files["/x.parquet"] = parquet_bytes(history({}))
    environment.setenv("SOURCE_MAX_BYTES", "100")
    environment.setenv("SOURCE_TIMEOUT_SECONDS", "1.5")
    allowed.reload()

    assert allowed._ingest.settings.https_limits == HttpsLimits(("localhost",), True, 100, 1.5)
    with pytest.raises(errors.SourceTooLarge, match="and Ingest fetches at most 100 over HTTPS"):
        allowed.ingest("bad", {"source": f"{site.url}/x.parquet"})


def test_a_file_is_known_by_its_content_when_it_is_appended_again(site: Site, allowed: Pipeline, lake: Lake):
    content = parquet_bytes(history({}, {}))
    site.files |= {"/x.parquet?signature=1": content, "/x.parquet?signature=2": content}
    allowed.run("first", {"source": f"{site.url}/x.parquet?signature=1"})

    again = allowed.append("again", f"{site.url}/x.parquet?signature=2")
    site.files["/y.parquet"] = parquet_bytes(history({}))
    other = allowed.append("other", f"{site.url}/y.parquet")

    assert (again["outcome"], again["known_files"]) == ("nothing_new", 1)
    assert (other["outcome"], other["rows"]["kept"]) == ("published", 1)
    ledger = json.loads(lake.client.get_object(Bucket=BUCKET, Key="production/run_id=other/ledger.json")["Body"].read())
    assert ledger["entries"][0]["identity"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
