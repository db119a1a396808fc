"""How soon LocalStack looks again whether something is done: here it is done in milliseconds, and not after seconds.

CloudFormation looks at a resource that is not ready after a second, and so do its waiters. How often they look grows by
as much: what never gets ready is given up after the same time.
"""

from __future__ import annotations

import functools
import math

LOOK_AGAIN_SECONDS = 0.05


def look_again_at_resources() -> None:
    """Let CloudFormation look soon at a resource that was not ready."""
    from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor  # noqa: PLC0415

    deploy_loop = functools.partialmethod(ResourceProviderExecutor.deploy_loop, sleep_time=LOOK_AGAIN_SECONDS)
    ResourceProviderExecutor.deploy_loop = deploy_loop


def wait_shortly_between_attempts() -> None:
    """Let the waiters with which CloudFormation updates resources ask soon: LocalStack's variable has whole seconds."""
    from localstack import config  # noqa: PLC0415

    seconds = config.BOTO_WAITER_DELAY * config.BOTO_WAITER_MAX_ATTEMPTS
    config.BOTO_WAITER_DELAY = LOOK_AGAIN_SECONDS
    config.BOTO_WAITER_MAX_ATTEMPTS = math.ceil(seconds / LOOK_AGAIN_SECONDS)
