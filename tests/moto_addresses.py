"""The addresses that moto answers at, worked out once.

moto works out all addresses of a service at every request, and loads S3's module of them anew for that: what it reads
in the environment could have changed. Here nothing of that changes.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest.mock import patch

from moto.core.base_backend import BaseBackend

type Handlers = dict[str, Callable[..., Any]]

_worked_out: Callable[[BaseBackend], Handlers] = BaseBackend.urls.fget
_known: dict[type[BaseBackend], Handlers] = {}


def addresses_worked_out_once() -> AbstractContextManager[Any]:
    """Return a context in which moto keeps the addresses of its services."""
    return patch.object(BaseBackend, "urls", property(_handlers))


def _handlers(backend: BaseBackend) -> Handlers:
    """Return what handles the requests to a service, by patterns of their addresses."""
    if type(backend) not in _known:
        _known[type(backend)] = _worked_out(backend)
    return _known[type(backend)]
