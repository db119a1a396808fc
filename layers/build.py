"""Build the archives that Lambda runs: two layers, one archive per function, and the bundles of the local stage.

Everything goes to ``.build/<platform>/`` and is kept by the digest of what went into it: a change of our own code
appends a few files to a copy of the dependencies' archive, a change of a lock file installs anew.

=================  ==================================================  ================================
archive            holds                                               used by
=================  ==================================================  ================================
``shared``         dependencies of every function, voucher_selection   all functions on AWS (a layer)
``analytics``      pandas and pyarrow                                  all of them but the API (a layer)
``<function>``     the function's own folder                           that function on AWS
``bundle-api``     the API, voucher_selection, shared dependencies     the API on the local stage
``bundle-pipeline``  the other functions and all dependencies          these on the local stage
=================  ==================================================  ================================

LocalStack stores layers and does not mount them, hence the bundles. The functions with pandas and pyarrow share one, so
that it is uploaded and unzipped once.

Example::

    python -m layers.build bundle
    python -m layers.build layers --architecture arm64
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform as host
import py_compile
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from voucher_selection.contract.functions import API, FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

type Architecture = Literal["x86_64", "arm64"]

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
PYTHON = "3.13"
UNZIPPED_LIMIT = 262_144_000
"""Bytes that a function and all its layers may have unzipped (AWS, and LocalStack enforces it too)."""
ROOMY = UNZIPPED_LIMIT * 9 // 10
"""Bytes that ours may have, as the tests assert: a tenth is left for newer versions, which are seldom smaller."""

WITH_ANALYTICS = tuple(function for function in FUNCTIONS if function != API)

LAYERS_OF: Mapping[str, tuple[str, ...]] = {
    "api": ("shared",),
    **dict.fromkeys(WITH_ANALYTICS, ("shared", "analytics")),
}
"""The layers of each function; without pandas and pyarrow the API starts in a fraction of the time."""

AWS_SERVICES = ("dynamodb", "lambda", "s3", "stepfunctions", "sts", "xray")
"""The services whose API descriptions are kept of botocore's 430: the ones that the functions call, the caller's
identity, and X-Ray, for which the tracer makes a client. A client of another service raises ``UnknownServiceError``;
add it here."""

UNUSED = (
    # tests, and what only a compiler or a type checker reads
    "**/tests/**",
    "**/include/**",
    "pyarrow/src/**",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.pxi",
    "**/*.h",
    "**/*.a",
    "bin/**",
    "**/conftest.py",
    "numpy/_core/_simd.*",  # of numpy's own tests; what computes is in _multiarray_umath
    "numpy/f2py/**",  # makes modules of Fortran
    "pyarrow/_pyarrow_cpp_tests.*",
    "pyarrow/benchmark.py",
    # pyarrow's parts that read nothing of ours. libarrow_substrait stays: pyarrow.lib is linked to it.
    "pyarrow/*flight*",
    "pyarrow/_substrait.*",
    "pyarrow/substrait.py",
    "pyarrow/*orc.*",
    "pyarrow/_azurefs.*",
    "pyarrow/_gcsfs.*",
    "pyarrow/_hdfs.*",
    # a wheel cannot hold links: of each library's three copies, the loader asks for the one named like `.so.2600`
    "pyarrow/libarrow_python*.so",
    "pyarrow/libarrow_python*.so.*.*.*",
    "botocore/data/**/examples-1.json",
)
"""Files that an installed layer leaves out, as patterns of ``Path.full_match`` under the layer's folder."""

_FIXED_TIME = (1980, 1, 1, 0, 0, 0)
_FAST = 1  # deflate level: 6 takes three times as long for 11 % less, and stored files take longer to deploy


class BuildError(Exception):
    """The archives cannot be built; the message says what is missing."""


class PackageTooLargeError(BuildError):
    """A function with its layers is larger than Lambda accepts."""


@dataclass(frozen=True)
class Platform:
    """What the wheels of an archive run on.

    Attributes:
        name: The platform as uv's ``--python-platform`` names it.
        architecture: The architecture as Lambda names it.
    """

    name: str
    architecture: Architecture


@dataclass(frozen=True)
class Archive:
    """A zip file for Lambda.

    Attributes:
        path: Where it is.
        digest: SHA-256 (hex) of what went into it: equal digests mean equal behaviour.
    """

    path: Path
    digest: str

    @property
    def unzipped_bytes(self) -> int:
        """The sum of the files' sizes, which is what Lambda counts."""
        with zipfile.ZipFile(self.path) as archive:
            return sum(entry.file_size for entry in archive.infolist())


@dataclass(frozen=True)
class Packages:
    """The archives of one deployment.

    Attributes:
        functions: One archive per function's name; functions may share one.
        layers: One archive per layer's name; empty where the functions carry their dependencies.
    """

    functions: Mapping[str, Archive]
    layers: Mapping[str, Archive]


def lambda_platform(architecture: Architecture) -> Platform:
    """Lambda's own platform: Amazon Linux 2023, whose glibc takes every manylinux_2_28 wheel."""
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[architecture]
    return Platform(f"{machine}-manylinux_2_28", architecture)


def host_architecture() -> Architecture:
    """This machine's architecture as Lambda names it.

    Raises:
        BuildError: The machine is neither x86-64 nor 64-bit ARM.
    """
    machine = host.machine().lower()
    if machine in {"x86_64", "amd64"}:
        return "x86_64"
    if machine in {"arm64", "aarch64"}:
        return "arm64"
    msg = f"Lambda runs on x86_64 and arm64; this machine is {machine!r}. Name one: --set architecture=x86_64"
    raise BuildError(msg)


def host_platform() -> Platform:
    """The platform of functions that run as processes of this machine: Linux (glibc) or macOS."""
    architecture = host_architecture()
    if host.system() == "Darwin":
        machine = {"x86_64": "x86_64", "arm64": "aarch64"}[architecture]
        return Platform(f"{machine}-apple-darwin", architecture)
    return lambda_platform(architecture)


def build_layers(platform: Platform) -> Packages:
    """Build the two layers and one small archive per function, as the AWS stages deploy them.

    Raises:
        BuildError: uv is missing, or an install failed.
        PackageTooLargeError: A function and its layers exceed `UNZIPPED_LIMIT`.
    """
    layers = {
        "shared": _archive("shared", platform, ("shared",), "python/", _shared_code()),
        "analytics": _archive("analytics", platform, ("analytics",), "python/", {}),
    }
    functions = {name: _archive(name, platform, (), "", _function_code(name)) for name in FUNCTIONS}
    for name, function in functions.items():
        check_size(name, {name: function} | {layer: layers[layer] for layer in LAYERS_OF[name]})
    return Packages(functions, layers)


def build_bundles(platform: Platform) -> Packages:
    """Build the self-contained archives of the local stage: one for the API, one for the other functions.

    Raises:
        BuildError: uv is missing, or an install failed.
        PackageTooLargeError: A bundle exceeds `UNZIPPED_LIMIT`.
    """
    pipeline_code = {name: path for function in WITH_ANALYTICS for name, path in _function_code(function).items()}
    api = _archive("bundle-api", platform, LAYERS_OF["api"], "", _shared_code() | _function_code("api"))
    pipeline = _archive("bundle-pipeline", platform, LAYERS_OF["clean"], "", _shared_code() | pipeline_code)
    for name, bundle in (("api", api), ("pipeline", pipeline)):
        check_size(name, {name: bundle})
    return Packages({"api": api, **dict.fromkeys(WITH_ANALYTICS, pipeline)}, {})


def check_size(function: str, archives: Mapping[str, Archive]) -> int:
    """Return the unzipped bytes of a function with its layers.

    Raises:
        PackageTooLargeError: They exceed `UNZIPPED_LIMIT`; the message names each part's size.
    """
    sizes = {name: archive.unzipped_bytes for name, archive in archives.items()}
    total = sum(sizes.values())
    if total > UNZIPPED_LIMIT:
        parts = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        msg = (
            f"{function} has {total:,} bytes unzipped ({parts}); Lambda takes {UNZIPPED_LIMIT:,}. "
            "Drop a dependency, or add what is not needed to UNUSED in layers/build.py"
        )
        raise PackageTooLargeError(msg)
    return total


def _archive(name: str, platform: Platform, layers: tuple[str, ...], prefix: str, code: Mapping[str, Path]) -> Archive:
    """Return the archive of some layers' dependencies and our own code, building what is not there.

    Args:
        name: The archive's name, for its file.
        platform: The wheels' platform.
        layers: Whose dependencies it holds.
        prefix: Where in the archive everything goes: ``python/`` in a layer, nothing in a function.
        code: Our own files: their place under the prefix, and where they are.
    """
    digest = hashlib.sha256(f"{platform.name} {prefix} {_dependencies_key(layers)}".encode())
    for place, path in sorted(code.items()):
        digest.update(f"\0{place}\0".encode() + path.read_bytes())
    archive = Archive(BUILD / platform.name / f"{name}-{digest.hexdigest()[:16]}.zip", digest.hexdigest())
    with _alone(platform):
        if not archive.path.exists():
            base = _dependencies_archive(platform, layers, prefix)
            with _replacing(archive.path) as partial:
                shutil.copyfile(base, partial)
                with zipfile.ZipFile(partial, "a", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as target:
                    _append_code(target, prefix, code)
            _remove_older(archive.path, f"{name}-*.zip")
    return archive


@contextmanager
def _alone(platform: Platform) -> Iterator[None]:
    """Let one process at a time build for a platform: a second one finds what the first has built."""
    folder = BUILD / platform.name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _dependencies_archive(platform: Platform, layers: tuple[str, ...], prefix: str) -> Path:
    """The dependencies alone: compressing 240 MB takes seconds, and they change with the lock files only."""
    label = "-".join(layers or ("none",)) + ("-layer" if prefix else "")
    path = BUILD / platform.name / "dependencies" / f"{label}.{_dependencies_key(layers)}.zip"
    if path.exists():
        return path
    folders = [_installed(platform, layer) for layer in layers]
    with _replacing(path) as partial:
        partial.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=_FAST) as target:
            for folder in folders:
                for file in sorted(p for p in folder.rglob("*") if p.is_file()):
                    _append(target, prefix + file.relative_to(folder).as_posix(), file.read_bytes())
    _remove_older(path, f"{label}.*.zip")
    return path


def _installed(platform: Platform, layer: str) -> Path:
    """The folder with a layer's dependencies: installed with hashes, pruned, and compiled to bytecode."""
    folder = BUILD / platform.name / "dependencies" / f"{layer}.{_dependencies_key((layer,))}"
    if folder.exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{layer}.partial-") as work:
        target = Path(work) / "installed"
        lock = Path(work) / "requirements.txt"
        lock.write_text(_requirements(layer))
        _install(platform, lock, target)
        (target / ".lock").unlink(missing_ok=True)  # uv's own
        _prune(target)
        _compile(target)
        _remove_older(folder, f"{layer}.*")
        target.replace(folder)
    return folder


def _install(platform: Platform, lock: Path, target: Path) -> None:
    command = [_uv(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(target)]
    command += ["--python-version", PYTHON, "--python-platform", platform.name]
    command += ["--only-binary", ":all:", "--require-hashes", "--no-deps", "-r", str(lock)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        msg = f"the dependencies for {platform.name} could not be installed:\n{done.stderr.strip()}"
        raise BuildError(msg)


def _uv() -> str:
    uv = os.environ.get("UV") or shutil.which("uv")
    if not uv:
        msg = "uv is not there: install it, or name it in the variable UV"
        raise BuildError(msg)
    return uv


def _requirements(layer: str) -> str:
    """A layer's locked requirements, less those that the shared layer brings.

    Both layers are unpacked into one folder: two versions of a package would overwrite each other file by file.
    """
    requirements = _locked(layer)
    if layer != "shared":
        requirements = {name: text for name, text in requirements.items() if name not in _locked("shared")}
    return "\n".join(requirements.values()) + "\n"


def _locked(layer: str) -> dict[str, str]:
    """The lock file's entries, each with its hashes, by the package's name."""
    text = (ROOT / "requirements" / f"{layer}.txt").read_text()
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    return {entry.split("==")[0]: entry.strip() for entry in entries if "==" in entry}


def _prune(folder: Path) -> None:
    services = folder / "botocore" / "data"
    if services.is_dir():
        for service in services.iterdir():
            if service.is_dir() and service.name not in AWS_SERVICES:
                shutil.rmtree(service)
    for file in sorted(folder.rglob("*")):
        relative = file.relative_to(folder)
        # licences have folders like `numpy/_core/include` in them, and belong to what is shipped
        ours_to_prune = file.is_file() and ".dist-info" not in relative.parts[0]
        if ours_to_prune and any(relative.full_match(pattern) for pattern in UNUSED):
            file.unlink()


def _compile(folder: Path) -> None:
    """Add bytecode, which Lambda cannot keep itself: its folders are read-only, and each cold start would compile anew.

    Importing pandas and pyarrow takes 0.4 s with it and 1.5 s without. It is unchecked, because unzipping changes the
    sources' times.
    """
    command = [sys.executable, "-m", "compileall", "-q", "-j", "0", "-s", str(folder), str(folder)]
    command += ["--invalidation-mode", "unchecked-hash"]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)  # noqa: S603


def _append_code(target: zipfile.ZipFile, prefix: str, code: Mapping[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as work:
        for place, path in sorted(code.items()):
            _append(target, prefix + place, path.read_bytes())
            if path.suffix == ".py":
                compiled = Path(work) / "compiled.pyc"
                mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
                py_compile.compile(str(path), str(compiled), dfile=place, doraise=True, invalidation_mode=mode)
                folder, _, stem = place.removesuffix(".py").rpartition("/")
                cached = f"{folder}/__pycache__/{stem}.{sys.implementation.cache_tag}.pyc"
                _append(target, prefix + cached, compiled.read_bytes())


def _append(target: zipfile.ZipFile, place: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(place, date_time=_FIXED_TIME)
    entry.create_system = 3  # Unix, on every machine: file modes count
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    target.writestr(entry, content, compresslevel=_FAST)


def _shared_code() -> dict[str, Path]:
    return _files(ROOT / "layers" / "shared" / "python", "")


def _function_code(name: str) -> dict[str, Path]:
    folder = ROOT / "lambdas" / name
    if not folder.is_dir():
        msg = f"the function {name!r} has no folder {folder.relative_to(ROOT)}"
        raise BuildError(msg)
    return _files(folder, f"{name}/")


def _files(folder: Path, prefix: str) -> dict[str, Path]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {prefix + path.relative_to(folder).as_posix(): path for path in files}


def _dependencies_key(layers: Sequence[str]) -> str:
    """Digest of everything that the installed dependencies depend on: the locks, this file, and the Python."""
    digest = hashlib.sha256(f"{sys.implementation.cache_tag}".encode())
    digest.update(Path(__file__).read_bytes())
    for layer in layers:
        digest.update(_requirements(layer).encode())
    return digest.hexdigest()[:16]


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file that appears under its name only when it is whole, so that two builds at once cannot spoil each other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _remove_older(current: Path, pattern: str) -> None:
    for older in current.parent.glob(pattern):
        if older != current and "partial" not in older.name:
            if older.is_dir():
                shutil.rmtree(older)
            else:
                older.unlink()


def main() -> None:
    """Build from the command line and say how large the functions are."""
    parser = argparse.ArgumentParser(prog="python -m layers.build", description="Build what Lambda runs")
    products = parser.add_subparsers(dest="product", required=True)
    products.add_parser("bundle", help="the self-contained functions of the local stage")
    layers = products.add_parser("layers", help="the layers and functions of the AWS stages")
    layers.add_argument("--architecture", choices=("x86_64", "arm64"), default="arm64")
    arguments = parser.parse_args()
    try:
        if arguments.product == "bundle":
            packages = build_bundles(host_platform())
        else:
            packages = build_layers(lambda_platform(arguments.architecture))
    except BuildError as error:
        sys.exit(str(error))
    for name, function in packages.functions.items():
        layers_of = {layer: packages.layers[layer] for layer in LAYERS_OF[name] if layer in packages.layers}
        size = check_size(name, {name: function} | layers_of)
        parts = ", ".join(archive.path.name for archive in (function, *layers_of.values()))
        share = f"{size / UNZIPPED_LIMIT:.0%}"
        sys.stdout.write(f"{name:8} {size:>13,} of {UNZIPPED_LIMIT:,} bytes unzipped, {share}: {parts}\n")


if __name__ == "__main__":
    main()
