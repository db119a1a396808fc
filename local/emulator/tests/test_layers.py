"""Functions with layers."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from conftest import ROLE, zip_files, zip_source

if TYPE_CHECKING:
    from conftest import Emulator

WORD = """
    import words
    def handler(event, context):
        return words.word
"""


def publish(emulator: Emulator, files: dict[str, str], name: str | None = None) -> str:
    """Return the ARN of a new version of a layer, by default of a new layer."""
    name = name or f"layer-{uuid.uuid4().hex[:8]}"
    made = emulator.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": zip_files(files)})
    return str(made["LayerVersionArn"])


def update(emulator: Emulator, name: str, **settings: Any) -> None:
    client = emulator.client("lambda")
    client.update_function_configuration(FunctionName=name, **settings)
    waiter = client.get_waiter("function_updated_v2")
    waiter.wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})


def test_layers_are_laid_over_each_other_and_the_functions_own_code_comes_first(any_emulator: Emulator) -> None:
    first = publish(any_emulator, {"python/a.py": "of = 'first'", "python/b.py": "of = 'first'"})
    second = publish(
        any_emulator,
        {
            "python/b.py": "of = 'second'",
            "python/app.py": "of = 'second'",
            "python/lib/python3.13/site-packages/c.py": "of = 'site-packages'",
            "python/c.py": "of = 'second'",
        },
    )
    source = """
        import a, b, c
        def handler(event, context):
            return [a.of, b.of, c.of]
    """

    function = any_emulator.create_function(source, Layers=[first, second])
    reverse = any_emulator.create_function(source, Layers=[second, first])

    assert function.invoke().payload == ["first", "second", "site-packages"]
    assert reverse.invoke().payload == ["first", "first", "site-packages"]


def test_an_update_brings_another_layer_and_a_version_keeps_its_own(any_emulator: Emulator) -> None:
    layer = publish(any_emulator, {"python/words.py": "word = 'old'"})
    function = any_emulator.create_function(WORD, Layers=[layer])
    client = any_emulator.client("lambda")
    version = client.publish_version(FunctionName=function.name)["Version"]
    before = function.invoke().payload

    newer = publish(any_emulator, {"python/words.py": "word = 'new'"}, layer.split(":")[-2])
    update(any_emulator, function.name, Layers=[newer])

    assert [before, function.invoke().payload] == ["old", "new"]
    of_version = client.invoke(FunctionName=function.name, Qualifier=version)
    assert of_version["Payload"].read() == b'"old"'

    update(any_emulator, function.name, Layers=[])
    assert "No module named 'words'" in function.invoke().payload["errorMessage"]


def test_a_function_outlives_its_layer(emulator: Emulator) -> None:
    layer = publish(emulator, {"python/words.py": "word = 'kept'"})
    function = emulator.create_function(WORD, Layers=[layer])
    *_, name, number = layer.split(":")

    emulator.client("lambda").delete_layer_version(LayerName=name, VersionNumber=int(number))

    assert function.invoke().payload == "kept"


def test_a_layer_that_is_missing_is_refused_by_its_name(emulator: Emulator) -> None:
    missing = publish(emulator, {"python/words.py": ""}).removesuffix(":1") + ":7"

    with pytest.raises(ClientError, match=f"Layer version {missing} does not exist"):
        emulator.client("lambda").create_function(
            FunctionName="without-layer",
            Runtime="python3.13",
            Handler="app.handler",
            Role=ROLE,
            Code={"ZipFile": zip_source(WORD)},
            Layers=[missing],
        )


PLACE = """
    import os, words
    def handler(event, context):
        try:
            open(os.path.dirname(words.__file__) + "/written", "w")
            written = True
        except OSError as error:
            written = error.strerror
        return [words.__file__, os.environ["PATH"].split(":")[-1], os.environ["LD_LIBRARY_PATH"], written]
"""


def test_root_gives_layers_at_opt(emulator: Emulator) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    function = emulator.create_function(PLACE, Layers=[publish(emulator, {"python/words.py": ""})])

    assert function.invoke().payload == ["/opt/python/words.py", "/opt/bin", "/opt/lib", "Read-only file system"]


def test_plain_way_has_layers_in_the_code_store(plain_emulator: Emulator) -> None:
    function = plain_emulator.create_function(PLACE, Layers=[publish(plain_emulator, {"python/words.py": ""})])

    file, programs, libraries, _ = function.invoke().payload

    opt = file.removesuffix("/python/words.py")
    assert opt.startswith(str(plain_emulator.state / "code"))
    assert [programs, libraries] == [f"{opt}/bin", f"{opt}/lib"]
