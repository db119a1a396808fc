"""The store of unzipped functions, without an emulator."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TYPE_CHECKING

import pytest

from conftest import zip_source
from process_emulator.code_store import KEPT_SECONDS, CodeStore, remove_unused_code

if TYPE_CHECKING:
    from pathlib import Path

ARCHIVE = zip_source("answer = 42")
SHA256 = base64.b64encode(hashlib.sha256(ARCHIVE).digest()).decode()


class Download:
    """Counts how often the archive was asked for."""

    def __init__(self, archive: bytes = ARCHIVE) -> None:
        self.archive = archive
        self.times = 0

    def __call__(self, target: IO[bytes]) -> None:
        self.times += 1
        time.sleep(0.05)
        target.write(self.archive)


def test_code_is_unzipped_once_for_all_who_ask_at_the_same_time(tmp_path: Path) -> None:
    store, download = CodeStore(tmp_path), Download()

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: store.get(SHA256, download), range(8)))

    assert download.times == 1
    assert (codes[0].files / "app.py").read_text() == "answer = 42"


def test_stores_of_two_emulators_share_what_they_unzip_at_the_same_time(tmp_path: Path) -> None:
    stores = [CodeStore(tmp_path), CodeStore(tmp_path)]

    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda store: store.get(SHA256, Download()), stores))

    assert codes[0] == codes[1]
    assert [entry.name for entry in tmp_path.iterdir()] == [codes[0].folder.name]


def test_code_outlives_the_emulator(tmp_path: Path) -> None:
    CodeStore(tmp_path).get(SHA256, Download())
    later = Download()

    CodeStore(tmp_path).get(SHA256, later)

    assert later.times == 0


def test_an_archive_that_cannot_be_unzipped_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(zipfile.BadZipFile):
        CodeStore(tmp_path).get(SHA256, Download(b"not a zip"))

    assert list(tmp_path.iterdir()) == []


def test_code_is_removed_when_it_was_not_used_for_a_week(tmp_path: Path) -> None:
    code = CodeStore(tmp_path).get(SHA256, Download())
    remove_unused_code(tmp_path)
    assert code.files.exists()

    os.utime(code.folder, times=(0, time.time() - KEPT_SECONDS - 60))
    remove_unused_code(tmp_path)

    assert not code.folder.exists()


@pytest.mark.parametrize(("files", "brings"), [(["app.py"], False), (["app.py", "lib/__pycache__/m.pyc"], True)])
def test_byte_code_in_the_zip_is_noticed(tmp_path: Path, files: list[str], *, brings: bool) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in files:
            archive.writestr(name, b"")
    sha256 = base64.b64encode(hashlib.sha256(buffer.getvalue()).digest()).decode()

    code = CodeStore(tmp_path).get(sha256, Download(buffer.getvalue()))

    assert code.brings_bytecode is brings
