"""What LocalStack writes down after each invocation, in batches: lines to CloudWatch Logs, counts to CloudWatch.

LocalStack does it at once, in threads that compete with the next invocation: two thirds of the time of a warm call.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from localstack.services.lambda_.invocation import version_manager
from localstack.services.lambda_.invocation.logs import LogHandler, LogItem
from localstack.utils.cloudwatch.cloudwatch_util import publish_lambda_metric
from localstack.utils.threads import start_thread

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH_SECONDS = 0.25


class Metric(NamedTuple):
    """A count of CloudWatch, in its namespace AWS/Lambda."""

    name: str
    function_name: str
    account_id: str
    region_name: str


class LogStream(NamedTuple):
    """Where lines go; `handler` is LocalStack's writer for one function."""

    handler: LogHandler
    group: str
    stream: str


class Bookkeeper:
    """Collects what is to be written, and writes it from one thread."""

    def __init__(self, write_logs: Callable[[LogHandler, LogItem], None]) -> None:
        self._write_logs = write_logs
        self._changed = threading.Condition()
        self._lines: defaultdict[LogStream, list[str]] = defaultdict(list)
        self._counts: Counter[Metric] = Counter()
        threading.Thread(target=self._run, daemon=True, name="lambda-bookkeeping").start()

    def add_logs(self, handler: LogHandler, item: LogItem) -> None:
        """Take the lines of an invocation."""
        with self._changed:
            self._lines[LogStream(handler, item.log_group, item.log_stream)].append(item.logs)
            self._changed.notify()

    def count(self, *names: str, function_name: str, account_id: str, region_name: str) -> None:
        """Count an invocation under each of the names."""
        with self._changed:
            self._counts.update(Metric(name, function_name, account_id, region_name) for name in names)
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._counts)
            time.sleep(BATCH_SECONDS)
            with self._changed:
                lines, self._lines = self._lines, defaultdict(list)
                counts, self._counts = self._counts, Counter()
            for target, texts in lines.items():
                self._write_logs(target.handler, LogItem(target.group, target.stream, "".join(texts)))
            for metric, count in counts.items():
                publish_lambda_metric(
                    metric.name,
                    count,
                    {"func_name": metric.function_name},
                    account_id=metric.account_id,
                    region_name=metric.region_name,
                )


def write_in_batches() -> None:
    """Put a bookkeeper in the place of what LocalStack does after each invocation; call it once."""
    keeper = Bookkeeper(LogHandler.add_logs)

    def add_logs(handler: LogHandler, log_item: LogItem) -> None:
        keeper.add_logs(handler, log_item)

    LogHandler.add_logs = add_logs
    version_manager.record_cw_metric_invocation = functools.partial(keeper.count, "Invocations")
    version_manager.record_cw_metric_error = functools.partial(keeper.count, "Invocations", "Errors")
    version_manager.start_thread = _count_at_once


def _count_at_once(function: Callable[[], Any], *args: Any, name: str | None = None, **options: Any) -> Any:
    """Count in the thread of the invocation: a keeper takes no time, and a thread for each count does."""
    if name and name.startswith("record-cloudwatch-metric"):
        return function()
    return start_thread(function, *args, name=name, **options)
