"""What comes from elsewhere: locked with hashes, licensed, audited; and no secret gets out."""

import hashlib
import json
import re
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from local.quickstart.project.supply_chain import licences
from local.quickstart.project.supply_chain.audit import UNAUDITED, VULNERABLE, audit
from local.quickstart.project.supply_chain.locked import APART, PROJECT, SHIPPED, packages

ROOT = Path(__file__).resolve().parents[2]
LONG_RANDOM_TEXT = b64encode(hashlib.sha256(b"a seed").digest()).decode()


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def scanned(folder: Path) -> subprocess.CompletedProcess[str]:
    return run(sys.executable, "-m", "local.quickstart.project.supply_chain.secret_scan", str(folder))


@pytest.mark.parametrize("lock", [*PROJECT, *APART], ids=lambda lock: lock.relative_to(ROOT).as_posix())
def test_every_package_of_a_lock_is_pinned_with_its_hashes(lock: Path):
    found = packages([lock])

    assert len(found) > 5 or "runtime" in lock.name
    assert [package.name for package in found if not package.version or not package.sha256] == []


@pytest.mark.parametrize("line", ["urllib3>=2.8", "urllib3==2.8.0", "-e ./urllib3", "git+https://host/urllib3"])
def test_a_line_without_a_version_or_a_hash_is_seen(tmp_path: Path, line: str):
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"six==1.17.0 \\\n    --hash=sha256:{'0' * 64}\n{line}\n")

    whole, other = packages([lock])

    assert (whole.name, whole.version, whole.sha256) == ("six", "1.17.0", ("0" * 64,))
    assert not (other.version and other.sha256)


def test_every_package_of_the_cdk_s_lock_has_its_hash():
    lock = json.loads((ROOT / "local/cdk/package-lock.json").read_text())
    there = {name: package for name, package in lock["packages"].items() if name}

    assert there
    assert [name for name, package in there.items() if not package.get("integrity", "").startswith("sha512-")] == []


def planted(folder: Path, text: str) -> Path:
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    (folder / "settings.py").write_text(text)
    subprocess.run(["git", "-C", str(folder), "add", "settings.py"], check=True)
    return folder


def test_a_key_of_aws_in_a_file_is_found_and_not_repeated(tmp_path: Path):
    key = "AKIA" + "QYLPMN5HHHFPZAM2"

    scan = scanned(planted(tmp_path, f"REGION = 'eu-west-1'\nclient = connect('{key}')\n"))

    assert (scan.returncode, scan.stderr) == (1, "settings.py:2: looks like a secret (AWS Access Key)\n")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-----BEGIN RSA " + "PRIVATE KEY-----", "Private Key"),
        ("url = 'https://bob:" + "hunter2@host/'", "Basic Auth Credentials"),
        (f"key = '{LONG_RANDOM_TEXT}'", "Base64 High Entropy String"),
    ],
)
def test_other_secrets_are_found(tmp_path: Path, text: str, kind: str):
    scan = scanned(planted(tmp_path, text))

    assert scan.returncode == 1
    assert f"settings.py:1: looks like a secret ({kind})" in scan.stderr


def test_everything_that_is_shipped_has_a_licence_that_is_allowed():
    names = {each.licence: licences.licences_in(each.licence) for each in licences.shipped()}

    assert len(licences.shipped()) > 15
    assert {licence: found - licences.ALLOWED for licence, found in names.items() if found - licences.ALLOWED} == {}


def test_every_licence_of_an_expression_is_looked_at():
    assert licences.licences_in("MIT AND (GPL-3.0-only OR 0BSD)") == {"MIT", "GPL-3.0-only", "0BSD"}


ADVISORY = {
    "id": "PYSEC-2099-1",
    "aliases": ["CVE-2099-0001"],
    "summary": "made up",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "jinja2"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}],
        }
    ],
}


@pytest.fixture
def advisories() -> Iterator[tuple[str, dict[str, list]]]:
    """A server of advisories as OSV is one: its address, and what it knows by package."""
    known: dict[str, list] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            vulnerabilities = known.get(asked["package"]["name"], [])
            answer = json.dumps({"vulns": vulnerabilities} if vulnerabilities else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/query", known
    server.shutdown()
    server.server_close()


def test_a_known_vulnerability_of_what_is_shipped_fails_also_where_the_rest_may_be_unaudited(advisories):
    url, known = advisories
    known["jinja2"] = [ADVISORY]

    audited = run(ROOT / "quickstart", "audit", "--shipped", "--unaudited-is-no-fault", "--osv-url", url)

    assert audited.returncode == VULNERABLE
    assert re.search(r"^jinja2 \(3\.\S+\): .*PYSEC-2099-1.*; fixed in 99\.0$", audited.stdout, re.MULTILINE)
    assert audited.stdout.endswith(" packages audited, 0 could not be, 1 known vulnerabilities\n")


def test_without_a_vulnerability_all_packages_are_counted_as_audited(advisories):
    url, _ = advisories

    found = audit([SHIPPED], url)

    assert (found.exit_code, found.unaudited) == (0, {})
    assert found.lines() == [f"{len(found.audited)} packages audited, 0 could not be, 0 known vulnerabilities"]
    assert len(found.audited) >= 15


def test_that_nothing_could_be_audited_is_told_and_is_not_taken_for_good_news():
    nobody = "http://127.0.0.1:9/v1/query"

    strict, lenient = run(ROOT / "quickstart", "audit", "--shipped", "--osv-url", nobody), audit([SHIPPED], nobody)

    assert strict.returncode == UNAUDITED
    assert len(lenient.unaudited) >= 15
    assert strict.stdout.splitlines()[-1] == (
        f"0 packages audited, {len(lenient.unaudited)} could not be: nothing is known about their vulnerabilities"
    )
