"""What the states that invoke a function try again: which errors, after how long, and how often."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks

from voucher_selection.contract.invoke_errors import HEALING, THROTTLED

BACKOFF_RATE = 2


class Retrier(NamedTuple):
    """Errors that are tried again `attempts` times.

    The first delay is up to `interval` seconds, each further one up to twice as much, and none is above `longest`. Each
    delay is drawn from 0 to its bound (full jitter): shards that failed together do not come back together.
    """

    errors: tuple[str, ...]
    interval: int
    longest: int
    attempts: int

    def delays(self) -> Iterator[int]:
        """Yield the bound of each delay, in seconds."""
        for attempt in range(self.attempts):
            # from here on the delay is the longest one anyway
            yield min(self.interval * BACKOFF_RATE ** min(attempt, 30), self.longest)

    def add_to(self, state: tasks.LambdaInvoke) -> None:
        """Let a state try again."""
        state.add_retry(
            errors=[*self.errors],
            interval=cdk.Duration.seconds(self.interval),
            max_attempts=self.attempts,
            backoff_rate=BACKOFF_RATE,
            max_delay=cdk.Duration.seconds(self.longest),
            jitter_strategy=sfn.JitterType.FULL,
        )


def named(errors: Iterable[str]) -> tuple[str, ...]:
    """Return the names that Step Functions gives to errors of `Invoke`, with both of its SDK's spellings.

    Examples
    --------
    >>> named(["EC2ThrottledException"])
    ('Lambda.EC2ThrottledException', 'Lambda.Ec2ThrottledException')
    """
    spelled = (spelling for error in errors for spelling in (error, _capitalized(error)))
    return tuple(dict.fromkeys(f"Lambda.{name}" for name in spelled))


def _capitalized(error: str) -> str:
    """Return a name as Java's SDK has it since version 2: abbreviations are words like any other."""
    return re.sub(r"[A-Z]+(?=[A-Z][a-z]|\d)", lambda letters: letters[0].capitalize(), error)


RETRIERS = (
    # Others may take each slot that becomes free, for as long as the map lasts. So a shard waits until the run's own
    # timeout ends it: 6 hours are about 1,440 tries. An execution's history has room for 8,000 (25,000 events).
    Retrier(named(THROTTLED), interval=1, longest=30, attempts=8_000),
    # about 10 minutes; a function that sleeps was seen to take up to 106 seconds
    Retrier(named(error for error in HEALING if error not in THROTTLED), interval=5, longest=60, attempts=24),
    # What Step Functions calls an error that it does not know: it may be one of those above, or one that stays. So it
    # is tried again for about 3 minutes.
    # https://docs.aws.amazon.com/step-functions/latest/dg/sfn-best-practices.html
    Retrier(
        (
            "Lambda.ClientExecutionTimeoutException",
            "Lambda.AWSLambdaException",
            "Lambda.LambdaException",
            "Lambda.SdkClientException",
        ),
        interval=1,
        longest=60,
        attempts=12,
    ),
    # A function that died: out of memory, out of time. It is safe to try again: Ingest, Clean, Assign and a merge write
    # the same objects again, and Model reads in the pointer whether it has already published.
    Retrier(
        ("Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory", "States.Timeout"),
        interval=2,
        longest=30,
        attempts=2,
    ),
)
"""Each error is in one of them, and none is `States.ALL`: errors in the data are not tried again."""
