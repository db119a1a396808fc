"""Services that LocalStack loads before they are asked.

It loads each at its first request, which takes up to a second. What a deployment asks in turn can be loaded in the
background while the program that deploys starts.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LOG = logging.getLogger(__name__)


def load_when_ready(services: Sequence[str]) -> None:
    """Load services, in their order, from the moment when the emulator answers; LocalStack is imported for it."""
    if services:
        threading.Thread(target=_load, args=(services,), daemon=True, name="load-services").start()


def _load(services: Sequence[str]) -> None:
    from localstack.runtime import events  # noqa: PLC0415 - when its environment is set
    from localstack.services.plugins import SERVICE_PLUGINS  # noqa: PLC0415

    events.infra_ready.wait()
    for service in services:
        try:
            SERVICE_PLUGINS.require(service)
        except Exception as error:  # noqa: BLE001 - a request that needs the service gets its error
            LOG.warning("The service %s could not be loaded: %s", service, error)
