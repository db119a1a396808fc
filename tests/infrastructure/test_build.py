"""The archives that Lambda runs, built for this machine once and then taken from where they were left."""

import functools
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra_cdk import environments
from infra_cdk.stages import stage
from layers.build import cache, packages, wheels
from layers.build.archives import Archive
from layers.build.errors import BuildError, PackageTooLargeError
from layers.build.packages import LAYERS_OF, SIZE_BUDGET, build_bundles, build_layers, check_size
from layers.build.platforms import host_architecture, host_platform, lambda_platform
from voucher_selection.contract.functions import FUNCTIONS

ROOT = Path(__file__).resolve().parents[2]
OTHER = {"x86_64": "arm64", "arm64": "x86_64"}
# https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
ELF_MACHINES = {"x86_64": 62, "arm64": 183}
MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
GLIBC_OF_LAMBDA = 34  # 2.34, of Amazon Linux 2023
ROUNDTRIP = ROOT / "layers" / "analytics" / "roundtrip.py"


@pytest.fixture(scope="session")
def layers():
    return build_layers(host_platform())


@pytest.fixture(scope="session")
def layer_of(layers, tmp_path_factory):
    """Gives the folder of Python's packages of a layer, which is unpacked once."""

    @functools.cache
    def unpacked(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        unpack(layers.layers[name], folder)
        return folder / "python"

    return unpacked


@pytest.fixture(scope="session")
def unpacked(layers, tmp_path_factory):
    """Both layers unpacked into one folder, as Lambda does it."""
    folder = tmp_path_factory.mktemp("opt")
    for layer in layers.layers.values():
        unpack(layer, folder)
    return folder / "python"


def bare_python(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-S", "-I", "-B", *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def unpack(archive: Archive, folder: Path) -> None:
    with zipfile.ZipFile(archive.path) as file:
        file.extractall(folder)


def names(archive: Archive) -> set[str]:
    with zipfile.ZipFile(archive.path) as file:
        return set(file.namelist())


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory):
    """What the layers hold on the other processor, installed and pruned, by layer: without bytecode, not yet zipped."""
    platform = lambda_platform(OTHER[host_architecture()])
    work = tmp_path_factory.mktemp("elsewhere")
    installed = {}
    for layer in ("shared", "analytics"):
        installed[layer] = work / layer
        wheels.install(platform, layer, installed[layer])
    return installed


def machine(content: bytes) -> int | None:
    """The `e_machine` of an ELF file's header; None of another file."""
    return struct.unpack_from("<H", content, 18)[0] if content[:4] == b"\x7fELF" else None


def tags(wheel: str) -> list[str]:
    """The platforms of a wheel that is not pure Python, as its `WHEEL` has them."""
    if "Root-Is-Purelib: true" in wheel:
        return []
    return [platform for tag in re.findall(r"^Tag: \S+-\S+-(\S+)$", wheel, re.MULTILINE) for platform in tag.split(".")]


def test_a_bare_python_reads_and_writes_parquet_with_nothing_but_the_layers(unpacked):
    done = bare_python(ROUNDTRIP, unpacked)

    assert done.returncode == 0, done.stderr


def test_a_layer_alone_is_not_enough(layers, tmp_path):
    unpack(layers.layers["shared"], tmp_path)

    assert "No module named 'pandas'" in bare_python(ROUNDTRIP, tmp_path / "python").stderr


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_starts_with_nothing_but_its_layers_and_with_tracing_as_on_aws(
    layers, layer_of, function, tmp_path
):
    task = tmp_path / "task"
    unpack(layers.functions[function], task)
    dev, stores = stage("dev"), environments.Stores("lake", "catalog")
    settings = environments.of_all(dev, stores, state_machine_arn="arn", what_if_function="what-if")
    settings |= environments.powertools(dev, function, "VoucherSelection-dev")

    paths = [str(task), *(str(layer_of(name)) for name in LAYERS_OF[function])]
    program = f"import sys; sys.path[:0] = {paths}; from {function}.handler import lambda_handler"
    done = bare_python("-c", program, AWS_DEFAULT_REGION="eu-west-1", **settings)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_with_its_layers_is_below_nine_tenths_of_lambdas_limit(layers, function):
    parts = {function: layers.functions[function]} | {name: layers.layers[name] for name in LAYERS_OF[function]}

    assert check_size(function, parts) < SIZE_BUDGET == 235_929_600


def test_the_layers_are_below_nine_tenths_on_the_other_processor_too(layers, elsewhere):
    files = sum(file.stat().st_size for folder in elsewhere.values() for file in folder.rglob("*") if file.is_file())
    # of the same Python files, and of our own code
    bytecode_and_code = 0
    for layer in layers.layers.values():
        with zipfile.ZipFile(layer.path) as archive:
            for entry in archive.infolist():
                if "/__pycache__/" in entry.filename or entry.filename.startswith("python/voucher_selection/"):
                    bytecode_and_code += entry.file_size
    largest_function = max(function.unzipped_bytes for function in layers.functions.values())

    assert files > 100_000_000
    assert files + bytecode_and_code + largest_function < SIZE_BUDGET


def test_on_the_other_processor_every_wheel_and_every_library_is_for_it(elsewhere):
    other = OTHER[host_architecture()]
    described = [file.read_text() for folder in elsewhere.values() for file in folder.glob("*.dist-info/WHEEL")]
    platforms = [platform for wheel in described for platform in tags(wheel)]
    libraries = {
        file.relative_to(folder): machine(file.read_bytes())
        for folder in elsewhere.values()
        for file in folder.rglob("*.so*")
    }

    locked = wheels.requirements("shared") | wheels.requirements("analytics")
    assert len(described) == len([entry for entry in locked.values() if "sys_platform == 'win32'" not in entry])
    assert {re.sub(r"manylinux(2014|_2_\d+)_", "", platform) for platform in platforms} == {MACHINES[other]}
    assert all(int(glibc) <= GLIBC_OF_LAMBDA for platform in platforms for glibc in re.findall(r"_2_(\d+)_", platform))
    assert len(libraries) > 50
    assert {library: found for library, found in libraries.items() if found != ELF_MACHINES[other]} == {}


def test_here_every_library_is_for_this_processor(layers):
    found = set()
    for layer in layers.layers.values():
        with zipfile.ZipFile(layer.path) as archive:
            found |= {machine(archive.read(name)) for name in archive.namelist() if ".so" in Path(name).name}

    assert found == {ELF_MACHINES[host_architecture()]}


def test_the_api_is_small_and_has_no_layer_that_it_does_not_need(layers):
    parts = {"api": layers.functions["api"], "shared": layers.layers["shared"]}

    assert LAYERS_OF["api"] == ("shared",)
    assert check_size("api", parts) < 40_000_000
    assert layers.functions["api"].path.stat().st_size < 200_000


def test_nothing_is_in_both_layers(layers):
    shared, analytics = names(layers.layers["shared"]), names(layers.layers["analytics"])

    assert shared.isdisjoint(analytics)
    assert not [name for name in shared if name.startswith(("python/numpy/", "python/pandas/", "python/pyarrow/"))]


def test_a_layer_has_no_tests_and_headers_and_has_licences_and_bytecode(layers):
    files = names(layers.layers["analytics"])

    assert not [name for name in files if name.endswith((".pyi", ".pyx", ".pxd")) or "/tests/" in name]
    assert [name for name in files if ".dist-info/" in name and "LICENSE" in name.upper()]
    assert "python/pandas/__pycache__/__init__.cpython-313.pyc" in files


def test_a_function_is_its_own_folder_and_no_more(layers):
    assert "clean/handler.py" in names(layers.functions["clean"])
    assert {name.split("/")[0] for name in names(layers.functions["clean"])} == {"clean"}


def test_the_pipelines_functions_share_one_bundle_and_the_api_has_its_own():
    bundles = build_bundles(host_platform()).functions

    assert bundles["ingest"] == bundles["clean"] == bundles["assign"] == bundles["model"] != bundles["api"]
    top = {name.split("/")[0] for name in names(bundles["ingest"])}
    assert {"ingest", "clean", "assign", "model", "voucher_selection", "pandas", "pyarrow", "boto3"} <= top
    top = {name.split("/")[0] for name in names(bundles["api"])}
    assert {"api", "voucher_selection", "boto3"} <= top
    assert top.isdisjoint({"pandas", "pyarrow", "numpy", "ingest"})


def test_what_is_there_already_is_not_built_again(layers, monkeypatch):
    monkeypatch.setattr(wheels, "uv", lambda: pytest.fail("nothing has changed"))

    assert build_layers(host_platform()) == layers


def test_archives_of_the_same_files_are_the_same(layers, tmp_path, monkeypatch):
    original = layers.functions["clean"]
    monkeypatch.setattr(cache, "BUILD", tmp_path)

    again = packages._archive("clean", host_platform(), (), "", packages._function_code("clean"))

    assert again.digest == original.digest
    assert again.path.read_bytes() == original.path.read_bytes()


def test_a_function_that_is_too_large_is_refused_with_its_sizes(layers, monkeypatch):
    monkeypatch.setattr(packages, "UNZIPPED_LIMIT", 1_000)

    with pytest.raises(PackageTooLargeError, match=r"clean has .* \(analytics 2\d\d,.*Lambda takes 1,000"):
        check_size("clean", {"analytics": layers.layers["analytics"]})


def test_uv_is_the_one_that_the_quickstart_has_installed_or_the_build_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(wheels, "ROOT", tmp_path)

    with pytest.raises(BuildError, match="uv was not found: install it, or name it in the variable UV"):
        wheels.uv()
    own = tmp_path / ".tools/uv/bin/uv"
    own.parent.mkdir(parents=True)
    own.touch()
    assert wheels.uv() == str(own)
