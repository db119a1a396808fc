"""A history fetched over HTTPS: streamed into the lake, or refused with a cause."""

import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from tests.histories import history, parquet_bytes
from tests.integration.conftest import BUCKET, Pipeline
from voucher_selection import errors
from voucher_selection.lake import Lake


@dataclass
class Site:
    """An HTTPS server: its address, what it serves by path, and the paths that were asked for."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site(environment: pytest.MonkeyPatch, tmp_path) -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            if location := site.redirects.get(self.path):
                self.send_response(302)
                self.send_header("Location", location)
                self.end_headers()
                return
            content = site.files.get(self.path)
            self.send_response(200 if content is not None else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write((content or b"")[: len(content or b"") // 2] if self.path in site.cut else content or b"")

        def log_message(self, *_: object) -> None:
            pass

    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    environment.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site.url = f"https://localhost:{server.server_address[1]}"
    yield site
    server.shutdown()
    server.server_close()


@pytest.fixture
def allowed(environment: pytest.MonkeyPatch, pipeline: Pipeline) -> Pipeline:
    environment.setenv("SOURCE_HOSTS", '["localhost"]')
    pipeline.reload()
    return pipeline


def test_a_file_is_landed_as_it_was_served(site: Site, allowed: Pipeline, lake: Lake):
    content = parquet_bytes(history({}, {}))
    site.files["/exports/May%202018.parquet?signature=x"] = content

    summary = allowed.run("run-1", {"source": f"{site.url}/exports/May%202018.parquet?signature=x"})

    assert summary["rows"]["kept"] == 2
    landed = lake.client.get_object(Bucket=BUCKET, Key="raw/run_id=run-1/May_2018.parquet")["Body"].read()
    assert landed == content


def test_a_host_off_the_list_is_refused_before_it_is_asked(site: Site, pipeline: Pipeline):
    with pytest.raises(errors.SourceNotAllowed, match="'localhost' is not among the HTTPS hosts"):
        pipeline.ingest("bad", {"source": f"{site.url}/x.parquet"})

    assert site.asked == []


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
