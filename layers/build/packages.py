"""The archives of a deployment: layers and functions, or bundles."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from layers.build.archives import Archive, append_code, write_folders
from layers.build.cache import ROOT, exclusive, folder_of, remove_older, replacing
from layers.build.errors import BuildError, PackageTooLargeError
from layers.build.platforms import Platform
from layers.build.wheels import dependencies_key, installed
from voucher_selection.contract.functions import ALL_FUNCTIONS, API, FUNCTIONS, INBOX, WATCH

UNZIPPED_LIMIT = 262_144_000
"""Bytes that a function and all its layers may have unzipped (AWS, and LocalStack enforces it too)."""
SIZE_BUDGET = UNZIPPED_LIMIT * 9 // 10
"""Bytes that ours may have, as the tests assert: a tenth is left for newer versions, which are seldom smaller."""

_WITH_ANALYTICS = tuple(function for function in FUNCTIONS if function != API)
_WITHOUT_ANALYTICS = (API, WATCH, INBOX)
_ALL_LAYERS = ("shared", "analytics")
LAYERS_OF: Mapping[str, tuple[str, ...]] = dict.fromkeys(_WITH_ANALYTICS, _ALL_LAYERS) | dict.fromkeys(
    _WITHOUT_ANALYTICS, ("shared",)
)
"""The layers of each function; without pandas and pyarrow the API starts in a fraction of the time."""


@dataclass(frozen=True)
class Packages:
    """The archives of one deployment, by the names of functions, which may share one, and of layers.

    Functions that carry their dependencies have no layers.
    """

    functions: Mapping[str, Archive]
    layers: Mapping[str, Archive]

    def parts(self, function: str) -> dict[str, Archive]:
        """Return a function's own archive and those of its layers, by their names."""
        own = {function: self.functions[function]}
        return own | {layer: self.layers[layer] for layer in LAYERS_OF[function] if layer in self.layers}


def build_layers(platform: Platform) -> Packages:
    """Build the two layers and one small archive per function, as the stages deploy them.

    Raises
    ------
    BuildError
        uv is missing, an install failed, or a function and its layers exceed `UNZIPPED_LIMIT`.
    """
    layers = {
        "shared": _archive("shared", platform, ("shared",), "python/", _shared_code()),
        "analytics": _archive("analytics", platform, ("analytics",), "python/", {}),
    }
    functions = {name: _archive(name, platform, (), "", _function_code(name)) for name in ALL_FUNCTIONS}
    return _checked(Packages(functions, layers))


def build_bundles(platform: Platform) -> Packages:
    """Build self-contained archives: one for the API, Watch and Inbox, one for the others.

    Raises
    ------
    BuildError
        uv is missing, an install failed, or a bundle exceeds `UNZIPPED_LIMIT`.
    """
    pipeline_code = {name: path for function in _WITH_ANALYTICS for name, path in _function_code(function).items()}
    api_code = {name: path for function in _WITHOUT_ANALYTICS for name, path in _function_code(function).items()}
    api = _archive("bundle-api", platform, LAYERS_OF[API], "", _shared_code() | api_code)
    pipeline = _archive("bundle-pipeline", platform, _ALL_LAYERS, "", _shared_code() | pipeline_code)
    return _checked(Packages(dict.fromkeys(_WITH_ANALYTICS, pipeline) | dict.fromkeys(_WITHOUT_ANALYTICS, api), {}))


def check_size(function: str, archives: Mapping[str, Archive]) -> int:
    """Return the unzipped bytes of a function with its layers.

    Raises
    ------
    PackageTooLargeError
        They exceed `UNZIPPED_LIMIT`; the message names each part's size.
    """
    sizes = {name: archive.unzipped_bytes for name, archive in archives.items()}
    total = sum(sizes.values())
    if total > UNZIPPED_LIMIT:
        parts = ", ".join(f"{name} {size:,}" for name, size in sizes.items())
        raise PackageTooLargeError(
            f"{function} has {total:,} bytes unzipped ({parts}); Lambda takes {UNZIPPED_LIMIT:,}. "
            "Drop a dependency, or add files that no function reads to _UNUSED in layers/build/wheels.py"
        )
    return total


def _checked(packages: Packages) -> Packages:
    for function in packages.functions:
        check_size(function, packages.parts(function))
    return packages


def _archive(name: str, platform: Platform, layers: tuple[str, ...], prefix: str, code: Mapping[str, Path]) -> Archive:
    """Return the archive of some layers' dependencies and our own code, under a prefix; build it if it is missing."""
    digest = hashlib.sha256(f"{platform} {prefix} {dependencies_key(layers)}".encode())
    for place, path in sorted(code.items()):
        digest.update(f"\0{place}\0".encode() + path.read_bytes())
    archive = Archive(folder_of(platform) / f"{name}-{digest.hexdigest()[:16]}.zip", digest.hexdigest())
    with exclusive(platform):
        if not archive.path.exists():
            base = _dependencies_archive(platform, layers, prefix)
            with replacing(archive.path) as partial:
                shutil.copyfile(base, partial)
                append_code(partial, prefix, code)
            remove_older(archive.path, f"{name}-*.zip")
    return archive


def _dependencies_archive(platform: Platform, layers: tuple[str, ...], prefix: str) -> Path:
    """Return the dependencies alone: compressing 240 MB takes seconds, and they change with the lock files only."""
    label = "-".join(layers or ("none",)) + ("-layer" if prefix else "")
    path = folder_of(platform) / "dependencies" / f"{label}.{dependencies_key(layers)}.zip"
    if not path.exists():
        folders = [installed(platform, layer) for layer in layers]
        with replacing(path) as partial:
            write_folders(partial, prefix, folders)
        remove_older(path, f"{label}.*.zip")
    return path


def _shared_code() -> dict[str, Path]:
    return _files(ROOT / "layers" / "shared" / "python", "")


def _function_code(name: str) -> dict[str, Path]:
    folder = ROOT / "lambdas" / name
    if not folder.is_dir():
        raise BuildError(f"the function {name!r} has no folder {folder.relative_to(ROOT)}")
    return _files(folder, f"{name}/")


def _files(folder: Path, prefix: str) -> dict[str, Path]:
    files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {prefix + path.relative_to(folder).as_posix(): path for path in files}
