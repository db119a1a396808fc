"""Archives are the same bytes wherever they are built: who builds a commit again can compare them with a release."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = """
import sys
from pathlib import Path
from layers.build import archives, packages, wheels
dependencies, archive, *loaded = sys.argv[1:]
for module in loaded:
    __import__(module)
wheels._compile(Path(dependencies))
archives.write_folders(Path(archive), "python/", [Path(dependencies)])
archives.append_code(Path(archive), "python/", packages._shared_code())
"""
ELSEWHERE = {
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "C",
    "PYTHONHASHSEED": "17",
    "SOURCE_DATE_EPOCH": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUTF8": "0",
}


def build(work: Path, *loaded: str, umask: int = 0o022, **environment: str) -> bytes:
    """Build an archive of the product's code and a package, which is in `work`, in a process of its own."""
    there = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers/shared/python'}"} | environment
    archive = work / "built.zip"
    command = [sys.executable, "-c", BUILD, str(work / "dependencies"), str(archive), *loaded]
    subprocess.run(command, env=there, cwd=work, umask=umask, check=True)
    return archive.read_bytes()


def install(work: Path, *, last_first: bool = False) -> Path:
    """Lay a package's files as an installer does, in one order or the other."""
    source = Path(jinja2.__file__).parent
    for file in sorted(source.glob("*.py"), reverse=last_first):
        target = work / "dependencies" / "jinja2" / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
        if last_first:
            target.chmod(0o600)
            os.utime(target, (0, 0))
    return work


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build(install(tmp_path_factory.mktemp("here")), TZ="UTC", PYTHONHASHSEED="0")


def test_place_order_time_zone_language_and_rights_do_not_change_an_archive(here: bytes, tmp_path: Path):
    there = install(tmp_path / "Übersetzt, a longer path with blanks", last_first=True)

    assert build(there, umask=0o077, **ELSEWHERE) == here


def test_what_the_building_process_has_loaded_does_not_change_an_archive(here: bytes, tmp_path: Path):
    assert build(install(tmp_path), "jinja2", "pydantic", "voucher_selection.api.operations", AWS_REGION="x") == here
