"""What an invocation of a function answers, logs, and leaves behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from conftest import processes_with, wait_until

if TYPE_CHECKING:
    from conftest import Emulator

PID = """
    import os
    def handler(event, context):
        return os.getpid()
"""


def test_second_invocation_reuses_the_process(any_emulator: Emulator) -> None:
    function = any_emulator.create_function(PID)

    assert function.invoke().payload == function.invoke().payload


def test_parallel_invocations_have_processes_of_their_own(any_emulator: Emulator) -> None:
    function = any_emulator.create_function("""
        import os, time
        def handler(event, context):
            time.sleep(1.5)
            return os.getpid()
    """)

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: function.invoke(), range(8)))

    assert [reply.is_error for reply in replies] == [False] * 8
    assert len({reply.payload for reply in replies}) == 8


def test_exception_keeps_the_name_of_its_class(emulator: Emulator) -> None:
    function = emulator.create_function("""
        class SchemaMismatch(Exception): ...
        def handler(event, context):
            raise SchemaMismatch("no column order_ts")
    """)

    reply = function.invoke()

    assert reply.is_error
    assert (reply.payload["errorType"], reply.payload["errorMessage"]) == ("SchemaMismatch", "no column order_ts")


def test_import_error_is_answered_and_logged(emulator: Emulator) -> None:
    function = emulator.create_function("import a_module_that_is_not_there")

    reply = function.invoke()

    assert reply.is_error
    assert reply.payload["errorType"] == "Runtime.ImportModuleError"
    assert "No module named 'a_module_that_is_not_there'" in reply.log
    assert function.invoke().payload["errorType"] == "Runtime.ImportModuleError"


def test_timeout_is_answered_as_on_aws_and_the_function_works_again(any_emulator: Emulator) -> None:
    function = any_emulator.create_function(
        """
        import time
        def handler(event, context):
            time.sleep(event.get("seconds", 0))
            return "done"
        """,
        Timeout=1,
    )

    reply = function.invoke({"seconds": 30})

    assert reply.is_error
    assert reply.payload["errorType"] == "Sandbox.Timedout"
    assert reply.payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert "Task timed out after 1.00 seconds" in reply.log
    assert "Status: timeout" in reply.log
    assert function.invoke().payload == "done"


def test_timeout_kills_what_the_handler_started(emulator: Emulator) -> None:
    function = emulator.create_function(
        """
        import subprocess
        def handler(event, context):
            subprocess.run(["sleep", "60"])
        """,
        Timeout=1,
    )

    function.invoke()

    assert wait_until(lambda: not processes_with(function.mark), 3), "the handler's child outlived the timeout"


def test_killed_process_is_answered_as_on_aws_and_replaced(any_emulator: Emulator) -> None:
    function = any_emulator.create_function("""
        import os, signal
        def handler(event, context):
            if "signal" in event:
                os.kill(os.getpid(), event["signal"])
            if "status" in event:
                os._exit(event["status"])
            return "done"
    """)

    killed, exited = function.invoke({"signal": 9}), function.invoke({"status": 3})

    assert killed.is_error
    assert killed.payload["errorType"] == "Runtime.ExitError"
    assert killed.payload["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    assert exited.payload["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
    assert function.invoke().payload == "done"


def test_process_that_holds_more_than_its_memory_is_killed(any_emulator: Emulator) -> None:
    function = any_emulator.create_function(
        """
        import time
        def handler(event, context):
            held = bytearray(b"x") * (event["mebibytes"] * 1024 * 1024)
            time.sleep(0.5)
            return len(held)
        """,
        MemorySize=128,
    )

    within, over = function.invoke({"mebibytes": 50}), function.invoke({"mebibytes": 300})

    assert within.payload == 50 * 1024 * 1024
    assert over.payload["errorType"] == "Runtime.ExitError"
    assert over.payload["errorMessage"].endswith("signal: killed")
    assert "Error Type: Runtime.OutOfMemory" in over.log
    assert function.invoke({"mebibytes": 10}).payload == 10 * 1024 * 1024


def test_reserved_address_space_does_not_count_as_memory(emulator: Emulator) -> None:
    function = emulator.create_function(
        """
        import mmap, time
        def handler(event, context):
            reserved = mmap.mmap(-1, 4 * 1024**3, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            time.sleep(0.3)
            return len(reserved)
        """,
        MemorySize=128,
    )

    assert function.invoke().payload == 4 * 1024**3


def test_log_has_the_lines_of_lambda_around_those_of_the_function(emulator: Emulator) -> None:
    function = emulator.create_function("""
        import logging
        logging.getLogger().setLevel("INFO")
        def handler(event, context):
            print("printed")
            logging.getLogger().info("logged")
    """)

    first, second = function.invoke().log.splitlines(), function.invoke().log.splitlines()

    assert first[0].startswith("START RequestId: ")
    assert first[0].endswith(" Version: $LATEST")
    assert first[1] == "printed"
    assert first[2].startswith("[INFO]")
    assert first[2].endswith("logged")
    assert first[-2].startswith("END RequestId: ")
    report = dict(part.split(": ") for part in first[-1].removesuffix("\t").split("\t")[1:])
    assert report["Memory Size"] == "256 MB"
    assert 5 < int(report["Max Memory Used"].removesuffix(" MB")) < 100
    assert 0 < float(report["Init Duration"].removesuffix(" ms")) < 20_000
    assert "Init Duration" not in second[-1]
    assert second[1] == "printed"


def test_log_reaches_cloudwatch_logs(emulator: Emulator) -> None:
    function = emulator.create_function("""
        def handler(event, context):
            print("what the function says")
    """)
    function.invoke()
    logs, group = emulator.client("logs"), f"/aws/lambda/{function.name}"

    def messages() -> list[str]:
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        return [event["message"].strip() for event in logs.filter_log_events(logGroupName=group)["events"]]

    assert wait_until(lambda: len(messages()) == 4, 5), messages()
    assert messages()[1] == "what the function says"
    assert [line.split()[0] for line in messages()] == ["START", "what", "END", "REPORT"]


def test_output_larger_than_a_socket_buffer_arrives_whole(emulator: Emulator) -> None:
    function = emulator.create_function("""
        def handler(event, context):
            return event["text"] * 2
    """)

    assert function.invoke({"text": "ü" * 1_000_000}).payload == "ü" * 2_000_000
