"""How soon LocalStack looks again whether something is done: here it is done in milliseconds, and not after seconds.

CloudFormation looks at a resource that is not ready after a second, and boto3's waiters wait for one to 30 seconds. How
often they look grows by as much: what never gets ready is given up after the same time.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOK_AGAIN_SECONDS = 0.05


def look_again_at_resources() -> None:
    """Let CloudFormation look soon at a resource that was not ready."""
    from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor  # noqa: PLC0415

    deploy_loop = functools.partialmethod(ResourceProviderExecutor.deploy_loop, sleep_time=LOOK_AGAIN_SECONDS)
    ResourceProviderExecutor.deploy_loop = deploy_loop


def wait_shortly_between_attempts() -> None:
    """Let the waiters of boto3 with which CloudFormation updates resources ask soon again."""
    from botocore.waiter import SingleWaiterConfig  # noqa: PLC0415

    read = SingleWaiterConfig.__init__

    def read_with_short_delay(self: SingleWaiterConfig, configured: Mapping[str, Any]) -> None:
        seconds = configured["delay"] * configured["maxAttempts"]
        attempts = math.ceil(seconds / LOOK_AGAIN_SECONDS)
        read(self, {**configured, "delay": LOOK_AGAIN_SECONDS, "maxAttempts": attempts})

    SingleWaiterConfig.__init__ = read_with_short_delay  # type: ignore[method-assign, assignment]
