"""The benchmark of the first minute: what counts as an answer, and how its figures are set side by side."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from benchmarks import start
from local.quickstart.machine.workspace import ROOT

PRINTED = """Look up   https://localhost:1/voucher/local/search_voucher
Try it:
curl -k -X POST https://localhost:1/voucher/local/voucher -H 'Content-Type: application/json' -d '{"a": "Peru"}'
"""


def answered(monkeypatch: pytest.MonkeyPatch, status: int, body: object) -> list[object]:
    asked: list[object] = []

    def post(address: str, *, json: object, **_: object) -> httpx.Response:
        asked.extend([address, json])
        return httpx.Response(status, json=body)

    monkeypatch.setattr(start.httpx, "post", post)
    return asked


def test_the_request_that_a_run_says_to_try_is_asked(monkeypatch: pytest.MonkeyPatch):
    asked = answered(monkeypatch, 200, {"voucher_amount": 2640.0})

    start._ask(PRINTED)

    assert asked == ["https://localhost:1/voucher/local/voucher", {"a": "Peru"}]


@pytest.mark.parametrize(("status", "body"), [(404, {"title": "no model"}), (200, {"title": "another"})])
def test_another_answer_than_an_amount_is_no_lookup(monkeypatch: pytest.MonkeyPatch, status: int, body: object):
    answered(monkeypatch, status, body)

    with pytest.raises(SystemExit, match=f"expected an amount from https://localhost:1/.*, got {status}"):
        start._ask(PRINTED)


def test_medians_stand_beside_each_other_with_their_ratio():
    assert start._row("`status`", [[2.0, 1.0, 9.0], [0.5]], "{:.2f}".format) == "| `status` | 2.00 | 0.50 | 0.25 |"
    assert start._row("deployed", [[], [3.0]], "{:.1f}".format) == "| deployed | - | 3.0 | - |"


def test_a_command_that_fails_ends_the_benchmark_with_what_it_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(start, "_git", lambda *_: None)
    clone = start.Clone("HEAD", tmp_path)
    clone.program.parent.mkdir()
    clone.program.write_text(f"#!{sys.executable}\nimport sys; sys.exit('no network')\n")
    clone.program.chmod(0o700)

    with pytest.raises(SystemExit, match=r"quickstart run -d failed \(exit code 1\):\nno network"):
        clone.start()


def test_a_clone_has_the_files_of_its_commit(tmp_path: Path):
    known = subprocess.run(["git", "-C", ROOT, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)

    clone = start.Clone(start._commit("HEAD"), tmp_path)

    assert clone.program.is_file()
    assert start._commit("HEAD") == known.stdout.strip()
    with pytest.raises(SystemExit, match="expected a commit of this clone, got 'nothing'"):
        start._commit("nothing")
