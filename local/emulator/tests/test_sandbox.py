"""What a function sees of the machine that it runs on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from conftest import INHERITED_VARIABLES, ROLE, wait_until, zip_source

if TYPE_CHECKING:
    from conftest import Emulator

VARIABLES = """
    import os
    def handler(event, context):
        return dict(os.environ)
"""


def test_tmp_is_private_to_each_environment(any_emulator: Emulator) -> None:
    source = """
        import os, tempfile
        from pathlib import Path
        def handler(event, context):
            note = Path(tempfile.gettempdir(), "note")
            found = note.exists()
            note.write_text("mine")
            return found
    """
    one = any_emulator.create_function(source)
    other = any_emulator.create_function(source)

    assert [one.invoke().payload, one.invoke().payload, other.invoke().payload] == [False, True, False]


def test_root_gives_the_paths_of_aws(emulator: Emulator) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    function = emulator.create_function("""
        import os
        def handler(event, context):
            try:
                open("/var/task/written", "w")
                written = True
            except OSError as error:
                written = error.strerror
            open("/tmp/in-tmp", "w").close()
            return [__file__, os.getcwd(), os.environ["LAMBDA_TASK_ROOT"], os.environ["TMPDIR"], written]
    """)

    answer = function.invoke().payload

    assert answer == ["/var/task/app.py", "/var/task", "/var/task", "/tmp", "Read-only file system"]
    assert not os.path.exists("/tmp/in-tmp")


def test_plain_way_runs_from_the_code_store_with_its_own_tmpdir(plain_emulator: Emulator) -> None:
    function = plain_emulator.create_function("""
        import os
        def handler(event, context):
            return [__file__, os.getcwd(), os.environ["LAMBDA_TASK_ROOT"], os.environ["TMPDIR"]]
    """)

    file, folder, task_root, tmp = function.invoke().payload

    assert file == f"{task_root}/app.py"
    assert folder == task_root
    assert task_root.startswith(str(plain_emulator.state / "code"))
    assert tmp.startswith(str(plain_emulator.state / "environments"))


def test_environment_is_that_of_aws_with_the_emulator_as_endpoint(any_emulator: Emulator) -> None:
    function = any_emulator.create_function(VARIABLES, variables={"OWN": "value"})

    variables = function.invoke().payload

    expected = {
        "AWS_ENDPOINT_URL": any_emulator.url,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_REGION": "eu-west-1",
        "OWN": "value",
        "_HANDLER": "app.handler",
    }
    assert {name: variables.get(name) for name in expected} == expected
    assert variables["AWS_ACCESS_KEY_ID"]
    assert variables["AWS_SECRET_ACCESS_KEY"]


def test_only_the_variables_for_reaching_the_internet_come_from_the_host(plain_emulator: Emulator) -> None:
    variables = plain_emulator.create_function(VARIABLES).invoke().payload

    assert "VARIABLE_OF_THE_HOST" not in variables
    assert {name: variables.get(name) for name in INHERITED_VARIABLES} == INHERITED_VARIABLES
    assert variables["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"


def test_runtime_other_than_ours_is_refused(emulator: Emulator) -> None:
    client = emulator.client("lambda")
    name = "other-runtime"
    client.create_function(
        FunctionName=name, Runtime="python3.12", Handler="app.handler", Role=ROLE, Code={"ZipFile": zip_source("")}
    )

    def state() -> dict[str, str]:
        return client.get_function(FunctionName=name)["Configuration"]

    assert wait_until(lambda: state()["State"] == "Failed", 10)
    assert "expected runtime python3.13, found python3.12" in state()["StateReason"]


def test_functions_with_the_same_code_share_one_folder(emulator: Emulator) -> None:
    before = set((emulator.state / "code").iterdir())
    source = """
        def handler(event, context):
            return "shared"
    """

    one, other = emulator.create_function(source), emulator.create_function(source)

    assert one.invoke().payload == other.invoke().payload == "shared"
    assert len(set((emulator.state / "code").iterdir()) - before) == 1
