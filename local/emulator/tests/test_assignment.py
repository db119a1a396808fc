"""Who gets which environment, and when one is started."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from localstack.services.lambda_.invocation.execution_environment import RuntimeStatus
from localstack.services.lambda_.invocation.lambda_models import InitializationType

from process_emulator.assignment import BoundedAssignment, Environments

VERSION = SimpleNamespace(config=SimpleNamespace(timeout=10))
ON_DEMAND = InitializationType.on_demand


class Environment:
    """An environment without a process."""

    initialization_type = ON_DEMAND

    def __init__(self, name: str, version: str) -> None:
        self.id, self.version_manager_id, self.status, self.last_returned = name, version, RuntimeStatus.READY, 0

    def reserve(self) -> None:
        self.status = RuntimeStatus.INVOKING

    def release(self) -> None:
        self.status = RuntimeStatus.READY


class Assignment(BoundedAssignment):  # type: ignore[misc]
    """Starts environments without processes, when `may_start` is set; notes of which versions."""

    def __init__(self, limit: int, *, fails: bool = False) -> None:
        super().__init__(limit)
        self.started: list[str] = []
        self.starts, self.may_start = threading.Event(), threading.Event()
        self._fails = fails

    def start_environment(self, version_manager_id: str, _version: Any) -> Environment:
        self.started.append(version_manager_id)
        self.starts.set()
        assert self.may_start.wait(5)
        if self._fails and len(self.started) == 1:
            raise RuntimeError("it does not start")
        return Environment(f"environment-{len(self.started)}", version_manager_id)

    def invoke(self, version: str) -> str:
        with self.get_environment(version, VERSION, ON_DEMAND) as environment:
            return str(environment.id)


def test_an_invocation_takes_the_environment_that_is_being_prepared_for_it() -> None:
    assignment = Assignment(4)
    with ThreadPoolExecutor(2) as pool:
        prepared = pool.submit(assignment.prepare, "clean", VERSION)
        assert assignment.starts.wait(5)
        invoked = pool.submit(assignment.invoke, "clean")
        assignment.may_start.set()
        prepared.result(5)

        assert invoked.result(5) == "environment-1"
    assert assignment.started == ["clean"]


def test_an_environment_is_prepared_only_where_there_is_none_and_a_place_is_free() -> None:
    assignment = Assignment(2)
    assignment.may_start.set()

    for version in ("clean", "clean", "model", "assign"):
        assignment.prepare(version, VERSION)

    assert assignment.started == ["clean", "model"]


def test_an_invocation_starts_its_own_environment_if_the_prepared_one_fails() -> None:
    assignment = Assignment(4, fails=True)
    with ThreadPoolExecutor(2) as pool:
        prepared = pool.submit(assignment.prepare, "clean", VERSION)
        assert assignment.starts.wait(5)
        invoked = pool.submit(assignment.invoke, "clean")
        assignment.may_start.set()

        with pytest.raises(RuntimeError, match="does not start"):
            prepared.result(5)
        assert invoked.result(5) == "environment-2"


def test_environments_may_be_added_while_one_goes_through_them() -> None:
    environments = Environments(first=1)

    seen = []
    for environment in environments.values():
        environments[f"added-{environment}"] = 2
        seen.append(environment)

    assert seen == [1]
    assert len(environments) == 2
