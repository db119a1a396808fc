"""The archives that Lambda runs, built for this machine once and then taken from where they were left."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from layers import build

ROOT = Path(__file__).resolve().parents[2]
ROUNDTRIP = ROOT / "layers" / "analytics" / "roundtrip.py"


@pytest.fixture(scope="session")
def layers():
    return build.build_layers(build.host_platform())


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


def unpack(archive: build.Archive, folder: Path) -> None:
    with zipfile.ZipFile(archive.path) as file:
        file.extractall(folder)


def names(archive: build.Archive) -> set[str]:
    with zipfile.ZipFile(archive.path) as file:
        return set(file.namelist())


def test_a_bare_python_reads_and_writes_parquet_with_nothing_but_the_layers(unpacked):
    done = bare_python(ROUNDTRIP, unpacked)

    assert done.returncode == 0, done.stderr


def test_a_layer_alone_is_not_enough(layers, tmp_path):
    unpack(layers.layers["shared"], tmp_path)

    assert "No module named 'pandas'" in bare_python(ROUNDTRIP, tmp_path / "python").stderr


@pytest.mark.parametrize("function", build.FUNCTIONS)
def test_every_function_starts_with_nothing_but_its_layers_and_with_tracing_as_on_aws(layers, function, tmp_path):
    task, opt = tmp_path / "task", tmp_path / "opt"
    unpack(layers.functions[function], task)
    for layer in build.LAYERS_OF[function]:
        unpack(layers.layers[layer], opt)
    settings = {"BUCKET": "lake", "TABLE": "catalog", "COUNTRIES": '["Peru"]', "SOURCE_HOSTS": "[]"}
    settings |= {"STATE_MACHINE_ARN": "arn", "WHAT_IF_FUNCTION": "what-if"}

    paths = [str(task), str(opt / "python")]
    program = f"import sys; sys.path[:0] = {paths}; from {function}.handler import lambda_handler"
    done = bare_python("-c", program, AWS_DEFAULT_REGION="eu-west-1", POWERTOOLS_SERVICE_NAME=function, **settings)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("function", build.FUNCTIONS)
def test_every_function_fits_into_lambda_with_its_layers(layers, function):
    parts = {function: layers.functions[function]} | {name: layers.layers[name] for name in build.LAYERS_OF[function]}

    assert build.check_size(function, parts) <= 262_144_000


def test_the_api_is_small(layers):
    parts = {"api": layers.functions["api"], "shared": layers.layers["shared"]}

    assert build.check_size("api", parts) < 40_000_000


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
    bundles = build.build_bundles(build.host_platform()).functions

    assert bundles["ingest"] == bundles["clean"] == bundles["assign"] == bundles["model"] != bundles["api"]
    top = {name.split("/")[0] for name in names(bundles["ingest"])}
    assert {"ingest", "clean", "assign", "model", "voucher_selection", "pandas", "pyarrow", "boto3"} <= top
    top = {name.split("/")[0] for name in names(bundles["api"])}
    assert {"api", "voucher_selection", "boto3"} <= top
    assert top.isdisjoint({"pandas", "pyarrow", "numpy", "ingest"})


def test_what_is_there_already_is_not_built_again(layers, monkeypatch):
    monkeypatch.setattr(build, "_uv", lambda: pytest.fail("nothing has changed"))

    assert build.build_layers(build.host_platform()) == layers


def test_archives_of_the_same_files_are_the_same(layers, tmp_path, monkeypatch):
    original = layers.functions["clean"]
    monkeypatch.setattr(build, "BUILD", tmp_path)

    again = build._archive("clean", build.host_platform(), (), "", build._function_code("clean"))

    assert again.digest == original.digest
    assert again.path.read_bytes() == original.path.read_bytes()


def test_a_function_that_is_too_large_is_refused_with_its_sizes(layers, monkeypatch):
    monkeypatch.setattr(build, "UNZIPPED_LIMIT", 1_000)

    with pytest.raises(build.PackageTooLargeError, match=r"clean has .* \(analytics 2\d\d,.*Lambda takes 1,000"):
        build.check_size("clean", {"analytics": layers.layers["analytics"]})


def test_without_uv_the_build_says_what_is_missing(monkeypatch):
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", "")

    with pytest.raises(build.BuildError, match="uv is not there: install it, or name it in the variable UV"):
        build._uv()
