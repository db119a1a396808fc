"""The dependencies of a layer: installed from its lock with hashes, pruned, and compiled to bytecode."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from layers.build.cache import ROOT, folder_of, remove_older
from layers.build.errors import BuildError
from layers.build.locks import entries
from layers.build.platforms import Platform

_PYTHON = "3.13"

_AWS_SERVICES = ("dynamodb", "lambda", "s3", "stepfunctions", "sts")
"""The services whose descriptions are kept, of botocore's 430: those that the functions call, and the caller's
identity. A client of another service raises `UnknownServiceError`: add it."""

_UNUSED = (
    # tests, and what only a compiler or a type checker reads
    *("**/tests/**", "**/conftest.py", "**/include/**", "pyarrow/src/**", "bin/**"),
    *("**/*.pyi", "**/*.pyx", "**/*.pxd", "**/*.pxi", "**/*.h", "**/*.a"),
    "numpy/_core/_simd.*",  # of numpy's own tests; what computes is in _multiarray_umath
    "numpy/f2py/**",  # makes modules of Fortran
    "pyarrow/_pyarrow_cpp_tests.*",
    "pyarrow/benchmark.py",
    # pyarrow's parts that read nothing of ours. libarrow_substrait stays: pyarrow.lib is linked to it.
    *("pyarrow/*flight*", "pyarrow/_substrait.*", "pyarrow/substrait.py", "pyarrow/*orc.*"),
    *("pyarrow/_azurefs.*", "pyarrow/_gcsfs.*", "pyarrow/_hdfs.*"),
    # a wheel cannot hold links: of each library's three copies, the loader asks for the one named like `.so.2600`
    *("pyarrow/libarrow_python*.so", "pyarrow/libarrow_python*.so.*.*.*"),
    "botocore/data/**/examples-1.json",
)
"""Files that an installed layer leaves out, as patterns of `Path.full_match` under the layer's folder."""


def installed(platform: Platform, layer: str) -> Path:
    """Return the folder with a layer's dependencies; install them if they are missing or no longer as locked."""
    folder = folder_of(platform) / "dependencies" / f"{layer}.{dependencies_key((layer,))}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{layer}.partial-") as work:
        target = Path(work) / "installed"
        install(platform, layer, target)
        _compile(target)
        remove_older(folder, f"{layer}.*")
        target.replace(folder)
    return folder


def install(platform: Platform, layer: str, target: Path) -> None:
    """Install a layer's dependencies for a platform into a folder, without the files that no function reads.

    Raises
    ------
    BuildError
        uv is missing, or the install failed.
    """
    with tempfile.TemporaryDirectory() as work:
        lock = Path(work) / "requirements.txt"
        lock.write_text("\n".join(requirements(layer).values()) + "\n")
        command = [uv(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(target)]
        command += ["--python-version", _PYTHON, "--python-platform", platform]
        command += ["--only-binary", ":all:", "--require-hashes", "--no-deps", "-r", str(lock)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise BuildError(f"the dependencies for {platform} could not be installed:\n{done.stderr.strip()}")
    (target / ".lock").unlink(missing_ok=True)  # uv's own
    _prune(target)


def uv() -> str:
    """Return the path of uv: the variable UV, one on the PATH, or the one that `./quickstart` has installed.

    Raises
    ------
    BuildError
        None of them exists.
    """
    own = ROOT / ".tools/uv/bin/uv"
    found = os.environ.get("UV") or shutil.which("uv") or (str(own) if own.is_file() else None)
    if not found:
        raise BuildError("uv was not found: install it, or name it in the variable UV")
    return found


def requirements(layer: str) -> dict[str, str]:
    """Return a layer's locked requirements by package, without those that the shared layer brings.

    Both layers are unpacked into one folder: two versions of a package would overwrite each other file by file.
    """
    of_layer = _locked(layer)
    return of_layer if layer == "shared" else {n: text for n, text in of_layer.items() if n not in _locked("shared")}


def dependencies_key(layers: Sequence[str]) -> str:
    """Return a digest of all that the installed dependencies depend on: the locks, this package, and the Python."""
    digest = hashlib.sha256(f"{sys.implementation.cache_tag}".encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    for layer in layers:
        digest.update("\n".join(requirements(layer).values()).encode())
    return digest.hexdigest()[:16]


def _locked(layer: str) -> dict[str, str]:
    return {package.name: text for package, text in entries(ROOT / "requirements" / f"{layer}.txt")}


def _prune(folder: Path) -> None:
    for service in (folder / "botocore" / "data").glob("*/"):
        if service.name not in _AWS_SERVICES:
            shutil.rmtree(service)
    for file in sorted(folder.rglob("*")):
        relative = file.relative_to(folder)
        # folders of licences can be named like `numpy/_core/include`, and licences are shipped
        ours_to_prune = file.is_file() and ".dist-info" not in relative.parts[0]
        if ours_to_prune and any(relative.full_match(pattern) for pattern in _UNUSED):
            file.unlink()


def _compile(folder: Path) -> None:
    """Add bytecode. Lambda cannot keep its own: its folders are read-only, so each cold start would compile again.

    Importing pandas and pyarrow takes 0.4 s with it and 1.5 s without. It is unchecked, because unzipping changes the
    sources' times.
    """
    command = [sys.executable, "-m", "compileall", "-q", "-j", "0", "-s", str(folder), str(folder)]
    command += ["--invalidation-mode", "unchecked-hash"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # noqa: S603
