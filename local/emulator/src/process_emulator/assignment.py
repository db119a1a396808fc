"""How many environments there are, and which one answers an invocation.

LocalStack starts an environment for each invocation that finds none free: 250 requests at once would be 250 processes.
Here there are at most so many, of all functions and of each one. They start beside the invocations, a few at once, and
an invocation takes the first that is free, be it new or not. What finds none waits, first come, first served,
and is throttled as on AWS (429) when it has waited for half of its function's timeout. A request of an API that comes
when many wait is throttled sooner: its caller is told to come again instead of waiting for long. An idle environment of
another function makes room. One function never has all places, so that it can wait for an answer of another.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
from collections import Counter, defaultdict, deque
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from localstack.aws.api.lambda_ import TooManyRequestsException
from localstack.services.lambda_.invocation import lambda_service
from localstack.services.lambda_.invocation.assignment import AssignmentService
from localstack.services.lambda_.invocation.execution_environment import InvalidStatusException, RuntimeStatus
from localstack.services.lambda_.invocation.lambda_models import InitializationType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from localstack.services.lambda_.invocation.execution_environment import ExecutionEnvironment
    from localstack.services.lambda_.invocation.lambda_models import FunctionVersion

LOG = logging.getLogger(__name__)

_ON_DEMAND = InitializationType.on_demand

MANY = 32
"""Invocations of a function that wait. What comes to an API beyond them waits for at most `SECONDS_BEHIND_MANY`."""

SECONDS_BEHIND_MANY = 1.5

_OF_AN_API: ContextVar[bool] = ContextVar("of_an_api", default=False)


@contextlib.contextmanager
def as_request_of_an_api() -> Iterator[None]:
    """Say that the invocations of this block are somebody's requests to an API, who may ask again."""
    token = _OF_AN_API.set(True)
    try:
        yield
    finally:
        _OF_AN_API.reset(token)


class Environments(dict[str, Any]):
    """Environments by id; what goes through them sees those of that moment.

    LocalStack goes through them while other invocations add some: "dictionary changed size during iteration".
    """

    def values(self) -> list[Any]:  # type: ignore[override]
        """Return a copy."""
        return list(super().values())


@dataclass(eq=False)
class Waiting:
    """An invocation that waits for its turn: for a free environment, or for the error of one that did not start."""

    version: str
    function_version: FunctionVersion
    granted: ExecutionEnvironment | Exception | None = None
    turn: threading.Event = field(default_factory=threading.Event)

    def grant(self, granted: ExecutionEnvironment | Exception) -> None:
        """End the wait."""
        self.granted = granted
        self.turn.set()


class BoundedAssignment(AssignmentService):  # type: ignore[misc]
    """LocalStack's service, with places: `limit` of them in all, of which one function has at most half.

    At most `starts` environments of a function start at once: more would only take the processors from each other, and
    from the invocations that others answer meanwhile.
    """

    def __init__(self, limit: int, starts: int) -> None:
        super().__init__()
        self.environments: defaultdict[str, Environments] = defaultdict(Environments)
        self._limit = limit
        self._starts = starts
        self._starting: defaultdict[str, int] = defaultdict(int)
        self._queue: deque[Waiting] = deque()
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def get_environment(
        self, version_manager_id: str, function_version: FunctionVersion, provisioning_type: InitializationType
    ) -> Iterator[ExecutionEnvironment]:
        """Yield an environment for one invocation; TooManyRequestsException if none gets free in time."""
        if provisioning_type != _ON_DEMAND:
            with super().get_environment(version_manager_id, function_version, provisioning_type) as environment:
                yield environment
            return
        environment = self._take(version_manager_id, function_version)
        try:
            yield environment
            environment.release()
        except InvalidStatusException as error:
            LOG.warning("An environment ended while it answered: %s", error)
        except Exception as error:
            LOG.warning("Failed invocation <%s>: %s", type(error), error, exc_info=LOG.isEnabledFor(logging.DEBUG))
            self.stop_environment(environment)
            raise
        finally:
            self._serve_queue()

    def prepare(self, version_manager_id: str, function_version: FunctionVersion) -> None:
        """Start an environment before an invocation needs it, unless there is one or all places are taken.

        An invocation that comes meanwhile takes it.
        """
        with self._lock:
            if self._count(version_manager_id) or self._count() >= self._limit:
                return
            self._starting[version_manager_id] += 1
        self._start(version_manager_id, function_version)

    def on_timeout(self, version_manager_id: str, environment_id: str) -> None:
        """Forget an environment that was idle for long."""
        self.environments[version_manager_id].pop(environment_id, None)
        self._serve_queue()

    def stop_environment(self, environment: ExecutionEnvironment) -> None:
        """Stop an environment, and give its place to what waits."""
        super().stop_environment(environment)
        # Also where it had stopped already: an environment that is gone would take a place for ever.
        self.environments[environment.version_manager_id].pop(environment.id, None)
        self._serve_queue()

    def _take(self, version: str, function_version: FunctionVersion) -> ExecutionEnvironment:
        waiting = Waiting(version, function_version)
        with self._lock:
            before = sum(other.version == version for other in self._queue)
            self._queue.append(waiting)
        self._serve_queue()
        seconds = longest_wait(function_version.config.timeout, before)
        while not waiting.turn.wait(seconds):
            with self._lock:
                if waiting.granted is None and not self._gets_a_new_one(waiting):
                    self._queue.remove(waiting)
                    message = f"Rate Exceeded. No environment of the function got free within {seconds:g} s."
                    raise TooManyRequestsException(message, Reason="ConcurrentInvocationLimitExceeded", Type="User")
        if isinstance(waiting.granted, Exception):
            raise waiting.granted
        return waiting.granted

    def _serve_queue(self) -> None:
        """Give those that wait what is there by now, in the order in which they came, and start what is missing."""
        idle: list[ExecutionEnvironment] = []
        with self._lock:
            without: Counter[str] = Counter()
            for waiting in tuple(self._queue):
                environment = None
                if not without[waiting.version]:
                    environment = self._reserved(self.environments[waiting.version].values())
                if environment:
                    self._queue.remove(waiting)
                    waiting.grant(environment)
                    continue
                without[waiting.version] += 1
                # Each that waits has one that starts, as far as there are places.
                if without[waiting.version] > self._starting[waiting.version] and self._make_place(
                    waiting.version, idle
                ):
                    start = functools.partial(self._start, waiting.version, waiting.function_version)
                    threading.Thread(target=start, daemon=True, name="lambda-start").start()
        for environment in idle:
            environment.stop()

    def _start(self, version: str, function_version: FunctionVersion) -> None:
        """Start an environment, for whoever is the first that waits then."""
        started: ExecutionEnvironment | Exception
        try:
            started = self.start_environment(version, function_version)
            started.reserve()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what the invocation is answered
            started = error
        with self._lock:
            self._starting[version] -= 1
            first = next((waiting for waiting in self._queue if waiting.version == version), None)
            if not isinstance(started, Exception):
                self.environments[version][started.id] = started
            if first:
                self._queue.remove(first)
                first.grant(started)
            elif isinstance(started, Exception):
                LOG.warning("An environment that nobody waits for any more did not start: %s", started)
            else:
                started.release()  # which begins the time that it may be idle
        self._serve_queue()

    def _gets_a_new_one(self, waiting: Waiting) -> bool:
        """Tell whether an environment is starting that the invocation will get, or that is its function's first."""
        if not self._starting[waiting.version]:
            return False
        first = next(other for other in self._queue if other.version == waiting.version)
        return first is waiting or not self.environments[waiting.version]

    def _make_place(self, version: str, idle: list[ExecutionEnvironment]) -> bool:
        """Take a place for a new environment; one of another function that has to go for it is added to `idle`."""
        if self._count(version) >= max(1, self._limit // 2) or self._starting[version] >= self._starts:
            return False
        if self._count() >= self._limit:
            of_others = [
                environment
                for other, environments in tuple(self.environments.items())
                if other != version
                for environment in environments.values()
            ]
            environment = self._reserved(sorted(of_others, key=lambda found: found.last_returned))
            if environment is None:
                return False
            del self.environments[environment.version_manager_id][environment.id]
            idle.append(environment)
        self._starting[version] += 1
        return True

    def _reserved(self, environments: Iterable[ExecutionEnvironment]) -> ExecutionEnvironment | None:
        """Reserve the first environment that is idle."""
        for environment in environments:
            if environment.status == RuntimeStatus.READY and environment.initialization_type == _ON_DEMAND:
                with contextlib.suppress(InvalidStatusException):  # it was stopped just now, as it was idle for long
                    environment.reserve()
                    return environment
        return None

    def _count(self, version: str | None = None) -> int:
        versions = {*self.environments, *self._starting} if version is None else {version}
        return sum(len(self.environments[name]) + self._starting[name] for name in versions)


def longest_wait(timeout_seconds: float, before: int) -> float:
    """Return how many seconds an invocation waits for its turn, given how many of its function waited before it."""
    half = timeout_seconds / 2
    return min(half, SECONDS_BEHIND_MANY) if _OF_AN_API.get() and before >= MANY else half


def bound_environments(limit: int) -> None:
    """Give LocalStack's Lambda this service; call it before the provider is made."""
    lambda_service.AssignmentService = functools.partial(BoundedAssignment, limit, os.process_cpu_count() or 1)
