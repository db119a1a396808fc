"""How many processes of functions there are at most, and what becomes of the invocations beyond."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from conftest import environments_with, open_api

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Emulator

SLEEPS = """
    import time
    def handler(event, context):
        time.sleep(event.get("seconds", 0.05))
        return {"statusCode": 200, "body": "done"}
"""
CALLS = """
    import json, os, urllib.request
    def handler(event, context):
        with urllib.request.urlopen(os.environ["CALLED"] + "/any") as answer:
            return answer.read().decode()
"""


@pytest.fixture(scope="module")
def small(start_emulator: Callable[..., Emulator]) -> Emulator:
    """An emulator with six places."""
    return start_emulator("--environments", 6)


def test_one_function_has_at_most_half_of_the_places_and_all_of_its_invocations_are_answered(small: Emulator) -> None:
    function = small.create_function(SLEEPS)
    most = 0

    with ThreadPoolExecutor(50) as pool:
        replies = [pool.submit(function.invoke) for _ in range(200)]
        while not all(reply.done() for reply in replies):
            most = max(most, len(environments_with(function.mark)))
            time.sleep(0.05)

    assert {reply.result().payload["statusCode"] for reply in replies} == {200}
    assert most == 3


def test_idle_environments_make_room_for_another_function(small: Emulator) -> None:
    functions = [small.create_function(SLEEPS) for _ in range(4)]

    for function in functions:
        with ThreadPoolExecutor(3) as pool:
            replies = list(pool.map(lambda _, function=function: function.invoke({"seconds": 0.5}), range(3)))
        assert [reply.payload["statusCode"] for reply in replies] == [200] * 3

    assert len(environments_with(functions[-1].mark)) == 3
    assert sum(len(environments_with(function.mark)) for function in functions) <= 6


def test_what_waits_for_half_of_its_timeout_is_throttled(small: Emulator) -> None:
    function = small.create_function(SLEEPS, Timeout=4)

    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(function.invoke, {"seconds": 3.5}) for _ in range(3)]
        time.sleep(1)
        started = time.monotonic()
        with pytest.raises(ClientError, match=r"TooManyRequestsException.*No environment of the function got free"):
            function.invoke()
        waited = time.monotonic() - started

    assert 1.9 < waited < 3
    assert [reply.result().payload["statusCode"] for reply in working] == [200] * 3
    assert function.invoke().payload["statusCode"] == 200


def test_the_api_answers_429_when_a_function_has_no_place(small: Emulator) -> None:
    function = small.create_function(SLEEPS, Timeout=4)
    address = open_api(small, function)

    with ThreadPoolExecutor(3) as pool:
        working = [pool.submit(function.invoke, {"seconds": 3.5}) for _ in range(3)]
        time.sleep(1)
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{address}/any", timeout=10)

    assert (refused.value.code, refused.value.headers["Retry-After"]) == (429, "1")
    assert [reply.result().is_error for reply in working] == [False] * 3


def test_functions_that_wait_for_another_are_all_answered(small: Emulator) -> None:
    called = small.create_function(SLEEPS)
    calling = small.create_function(CALLS, variables={"CALLED": open_api(small, called)})

    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: calling.invoke(), range(20)))

    assert [reply.payload for reply in replies] == ["done"] * 20
