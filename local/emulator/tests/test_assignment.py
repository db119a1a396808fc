"""Which environment answers an invocation, and how long an invocation waits for one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation.execution_environment import RuntimeStatus
from localstack.services.lambda_.invocation.lambda_models import InitializationType

from conftest import wait_until
from process_emulator import assignment
from process_emulator.assignment import BoundedAssignment, Environments, as_request_of_an_api, longest_wait

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION = SimpleNamespace(config=SimpleNamespace(timeout=20))
IMPATIENT = SimpleNamespace(config=SimpleNamespace(timeout=0.2))


class FakeEnvironment:
    """An environment without a process; `last_returned` says that it was free."""

    initialization_type = InitializationType.on_demand
    version_manager_id = "function"

    def __init__(self, number: int) -> None:
        self.id = str(number)
        self.status = RuntimeStatus.READY
        self.last_returned = 0

    def reserve(self) -> None:
        self.status = RuntimeStatus.INVOKING

    def release(self) -> None:
        self.status = RuntimeStatus.READY
        self.last_returned += 1

    def stop(self) -> None:
        self.status = RuntimeStatus.STOPPED


class FakeService(BoundedAssignment):
    """The service, whose environments start when the test lets them."""

    def __init__(self, limit: int = 16, starts: int = 2) -> None:
        super().__init__(limit, starts)
        self.asked = 0
        self.may_start = threading.Semaphore(0)
        self.error: Exception | None = None

    def start_environment(self, *_: Any) -> FakeEnvironment:
        self.asked += 1
        environment = FakeEnvironment(self.asked)
        self.may_start.acquire()
        if self.error:
            raise self.error
        return environment

    def invoke(self, work: Callable[[], Any] = lambda: None, function: Any = FUNCTION) -> str:
        """Return which environment answered."""
        with self.get_environment("function", function, InitializationType.on_demand) as environment:
            work()
            return str(environment.id)


def test_an_invocation_takes_the_environment_that_is_being_prepared() -> None:
    service = FakeService()
    with ThreadPoolExecutor(2) as pool:
        prepared = pool.submit(service.prepare, "function", FUNCTION)
        wait_until(lambda: service.asked == 1, 5)
        invoked = pool.submit(service.invoke)
        service.may_start.release()
        prepared.result(5)

        assert invoked.result(5) == "1"
    assert service.asked == 1


def test_an_environment_is_prepared_only_where_there_is_none_and_a_place_is_free() -> None:
    service = FakeService(limit=2)
    service.may_start.release(4)

    for version in ("clean", "clean", "model", "assign"):
        service.prepare(version, FUNCTION)

    assert [name for name, environments in service.environments.items() if environments] == ["clean", "model"]


def test_environments_may_be_added_while_one_goes_through_them() -> None:
    environments = Environments(first=1)

    seen = []
    for environment in environments.values():
        environments[f"added-{environment}"] = 2
        seen.append(environment)

    assert seen == [1]
    assert len(environments) == 2


def test_few_environments_of_a_function_start_at_once_and_the_first_answers_all_that_wait() -> None:
    service = FakeService(starts=2)

    with ThreadPoolExecutor(10) as pool:
        replies = [pool.submit(service.invoke) for _ in range(10)]
        assert wait_until(lambda: len(service._queue) == 10, 5)
        assert service.asked == 2
        service.may_start.release()
        answered = {reply.result(5) for reply in replies}
        service.may_start.release(10)

    assert len(answered) == 1


def test_an_environment_that_starts_too_late_for_those_that_waited_is_idle_then() -> None:
    service = FakeService()
    with ThreadPoolExecutor(2) as pool:
        replies = [pool.submit(service.invoke) for _ in range(2)]
        assert wait_until(lambda: service.asked == 2, 5)
        service.may_start.release()
        assert len({reply.result(5) for reply in replies}) == 1

    service.may_start.release()

    assert wait_until(lambda: len(service.environments["function"]) == 2, 5)
    assert {one.status for one in service.environments["function"].values()} == {RuntimeStatus.READY}
    # Since then its idle time counts.
    assert all(one.last_returned for one in service.environments["function"].values())


def test_an_environment_that_does_not_start_is_an_error_of_one_invocation() -> None:
    service = FakeService(starts=1)
    service.error = ValueError("no interpreter")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(service.invoke)
        assert wait_until(lambda: service.asked == 1, 5)
        second = pool.submit(service.invoke)
        assert wait_until(lambda: len(service._queue) == 2, 5)
        service.may_start.release()
        with pytest.raises(ValueError, match="no interpreter"):
            first.result(5)
        service.error = None
        service.may_start.release()
        assert second.result(5) == "2"


def test_an_invocation_waits_for_the_first_environment_however_long_it_starts() -> None:
    service = FakeService()

    with ThreadPoolExecutor(1) as pool:
        reply = pool.submit(service.invoke, function=IMPATIENT)
        assert not wait_until(reply.done, 0.4)
        service.may_start.release()

        assert reply.result(5) == "1"


def test_an_invocation_is_refused_when_none_gets_free_and_leaves_the_queue() -> None:
    service = FakeService(limit=2)
    service.may_start.release()
    is_done = threading.Event()

    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(service.invoke, is_done.wait)
        assert wait_until(lambda: len(service.environments["function"]) == 1, 5)
        with pytest.raises(TooManyRequestsException, match=r"within 0\.1 s"):
            service.invoke(function=IMPATIENT)
        assert len(service._queue) == 0
        is_done.set()
        assert working.result(5) == "1"

    assert service.invoke() == "1"


def test_a_request_of_an_api_waits_shortly_behind_many() -> None:
    many = assignment.MANY

    with as_request_of_an_api():
        waits = [longest_wait(20, before) for before in (0, many - 1, many, 1000)]
        short = longest_wait(2, many)

    assert waits == [10, 10, assignment.SECONDS_BEHIND_MANY, assignment.SECONDS_BEHIND_MANY]
    assert short == 1
    assert longest_wait(20, many) == 10
