"""The store of unzipped functions, without an emulator."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import os
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import IO, TYPE_CHECKING

import pytest

from conftest import zip_files, zip_source
from process_emulator.code_store import KEPT_SECONDS, CodeStore, StoredCode, remove_unused_code
from process_emulator.layered_code import CodeTooLargeError, LayeredCode, check_size

if TYPE_CHECKING:
    from pathlib import Path

ARCHIVE = zip_source("answer = 42")
SHA256 = base64.b64encode(hashlib.sha256(ARCHIVE).digest()).decode()


def stored(folder: Path, files: dict[str, str]) -> StoredCode:
    """Return the code of a zip with these files."""
    archive = zip_files(files)
    return CodeStore(folder).get(base64.b64encode(hashlib.sha256(archive).digest()).decode(), Download(archive))


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


def test_a_later_layer_takes_the_place_of_an_earlier_ones_files(tmp_path: Path) -> None:
    first = stored(tmp_path, {"python/words.py": "first", "python/only.py": "only"})
    second = stored(tmp_path, {"python/words.py": "second", "bin/tool": "tool"})
    store = CodeStore(tmp_path)

    laid, other_order = store.laid([first, second]), store.laid([second, first])

    texts = {str(file.relative_to(laid.files)): file.read_text() for file in laid.files.rglob("*") if file.is_file()}
    assert texts == {"python/words.py": "second", "python/only.py": "only", "bin/tool": "tool"}
    assert (other_order.files / "python/words.py").read_text() == "first"
    assert (first.files / "python/words.py").read_text() == "first"
    assert os.path.samefile(laid.files / "python/only.py", first.files / "python/only.py")


def test_layers_are_copied_where_the_file_system_has_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [stored(tmp_path, {"bin/one": "one"}), stored(tmp_path, {"bin/other": "other"})]

    def no_links(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    laid = CodeStore(tmp_path).laid(layers)

    assert {file.name: file.read_text() for file in (laid.files / "bin").iterdir()} == {"one": "one", "other": "other"}


def test_one_layer_is_its_own_folder(tmp_path: Path) -> None:
    layer = stored(tmp_path, {"python/words.py": "words"})

    assert CodeStore(tmp_path).laid([layer]) == layer


def test_byte_code_of_a_function_is_kept_apart_for_each_of_its_layers(tmp_path: Path) -> None:
    own = stored(tmp_path, {"app.py": "own"})
    one, other = (stored(tmp_path, {"python/words.py": text}) for text in ("one", "other"))

    folders = {LayeredCode(own).bytecode, LayeredCode(own, one).bytecode, LayeredCode(own, other).bytecode}

    assert len(folders) == 3


def test_byte_code_of_a_layer_is_noticed(tmp_path: Path) -> None:
    own = stored(tmp_path, {"app.py": "own"})
    layer = stored(tmp_path, {"python/__pycache__/words.pyc": ""})

    assert LayeredCode(own, layer).brings_bytecode
    assert not LayeredCode(own, stored(tmp_path, {"python/words.py": ""})).brings_bytecode


def test_a_function_counts_with_its_layers(tmp_path: Path) -> None:
    own, layer = stored(tmp_path, {"app.py": "x" * 600}), stored(tmp_path, {"python/words.py": "y" * 400})

    check_size([own, layer], limit=1_000)
    with pytest.raises(CodeTooLargeError, match=r"at most 999 bytes unzipped, found 1,000 \(.*: 600 \+ 400\)"):
        check_size([own, layer], limit=999)
