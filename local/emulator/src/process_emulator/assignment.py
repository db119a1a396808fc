"""How many environments there are, and which one answers an invocation.

LocalStack starts an environment for each invocation that finds none free: 250 requests at once would be 250 processes.
Here there are at most so many, of all functions and of each one. What finds no place waits, first come, first served,
and is throttled as on AWS (429) when it has waited for half of its function's timeout. An idle environment of another
function makes room. One function never has all places, so that it can wait for an answer of another.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from collections import defaultdict, deque
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


class Environments(dict[str, Any]):
    """Environments by id; what goes through them sees those of that moment.

    LocalStack goes through them while other invocations add some: "dictionary changed size during iteration".
    """

    def values(self) -> list[Any]:  # type: ignore[override]
        """Return a copy."""
        return list(super().values())


@dataclass(eq=False)
class Waiting:
    """An invocation that waits for its turn.

    What it is granted is a free environment, or None for a place to start one in; its turn comes when that is free.
    """

    version: str
    environment: ExecutionEnvironment | None = None
    is_granted: bool = False
    turn: threading.Event = field(default_factory=threading.Event)


class BoundedAssignment(AssignmentService):  # type: ignore[misc]
    """LocalStack's service, with places: `limit` of them in all, of which one function has at most half."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.environments: defaultdict[str, Environments] = defaultdict(Environments)
        self._limit = limit
        self._starting: defaultdict[str, int] = defaultdict(int)
        self._preparing: defaultdict[str, int] = defaultdict(int)
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

        An invocation that comes meanwhile waits for it.
        """
        with self._lock:
            if self._count(version_manager_id) or self._count() >= self._limit:
                return
            self._preparing[version_manager_id] += 1
        try:
            environment = self.start_environment(version_manager_id, function_version)
            self.environments[version_manager_id][environment.id] = environment
        finally:
            with self._lock:
                self._preparing[version_manager_id] -= 1
            self._serve_queue()

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
        waiting = Waiting(version)
        with self._lock:
            self._queue.append(waiting)
        self._serve_queue()
        seconds = function_version.config.timeout / 2
        if not waiting.turn.wait(seconds):
            with self._lock:
                if not waiting.is_granted:
                    self._queue.remove(waiting)
                    message = f"Rate Exceeded. No environment of the function got free within {seconds:g} s."
                    raise TooManyRequestsException(message, Reason="ConcurrentInvocationLimitExceeded", Type="User")
            waiting.turn.wait()
        return waiting.environment or self._start(version, function_version)

    def _start(self, version: str, function_version: FunctionVersion) -> ExecutionEnvironment:
        try:
            environment = self.start_environment(version, function_version)
            environment.reserve()
            self.environments[version][environment.id] = environment
        finally:
            with self._lock:
                self._starting[version] -= 1
            self._serve_queue()
        return environment

    def _serve_queue(self) -> None:
        """Give those that wait what is there by now, in the order in which they came."""
        granted: list[Waiting] = []
        idle: list[ExecutionEnvironment] = []
        with self._lock:
            without_place = set()
            prepared = self._preparing.copy()
            for waiting in tuple(self._queue):
                if waiting.version in without_place:
                    continue
                waiting.environment = self._reserved(self.environments[waiting.version].values())
                if waiting.environment is None and prepared[waiting.version]:
                    prepared[waiting.version] -= 1
                    continue
                if waiting.environment is None and not self._make_place(waiting.version, idle):
                    without_place.add(waiting.version)
                    continue
                waiting.is_granted = True
                self._queue.remove(waiting)
                granted.append(waiting)
        for environment in idle:
            environment.stop()
        for waiting in granted:
            waiting.turn.set()

    def _make_place(self, version: str, idle: list[ExecutionEnvironment]) -> bool:
        """Take a place for a new environment; one of another function that has to go for it is added to `idle`."""
        if self._count(version) >= max(1, self._limit // 2):
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
        versions = {*self.environments, *self._starting, *self._preparing} if version is None else {version}
        return sum(len(self.environments[name]) + self._starting[name] + self._preparing[name] for name in versions)


def bound_environments(limit: int) -> None:
    """Give LocalStack's Lambda this service; call it before the provider is made."""
    lambda_service.AssignmentService = functools.partial(BoundedAssignment, limit)
