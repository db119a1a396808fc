"""What fixtures leave in moto's AWS, made once in a process.

Many tests begin with the same published model. A run of the pipeline takes a third of a second, most of it in moto; its
objects and items are there again in a hundredth of that.
"""

import functools
import hashlib
import os
import pickle
from collections.abc import Callable
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends

from tests.environment import BUCKET, TABLE

# What was made, by the function that made it, the environment, and the state that it was made in.
_KNOWN: dict[tuple[Any, ...], bytes] = {}


def made_once[**P, T](make: Callable[P, T]) -> Callable[P, T]:
    """Let a fixture that has `pipeline` leave and return what it left and returned the first time.

    It must leave nothing but objects, items and the runs that the pipeline has begun, and return what can be pickled.
    It is made anew where the environment or the stores are others than then.
    """

    @functools.wraps(make)
    def made(**fixtures: Any) -> T:
        pipeline = fixtures["pipeline"]
        environment = (named for named in os.environ.items() if not named[0].startswith("PYTEST_"))
        key = (make.__module__, make.__qualname__, pipeline.overlap, *environment, _digest())
        if key in _KNOWN:
            objects, _table().items, pipeline.begun, result = pickle.loads(_KNOWN[key])  # noqa: S301 - our own
            for name, versions in objects.items():
                _objects().setlist(name, versions)
            return result
        result = make(**fixtures)
        objects = {name: _objects().getlist(name) for name in _objects()}
        _KNOWN[key] = pickle.dumps((objects, _table().items, pipeline.begun, result))
        return result

    return made


def _digest() -> str:
    """Tell one state of the stores from another."""
    found = hashlib.sha256()
    for name in _objects():
        found.update(f"{name} {_objects()[name].etag} ".encode())
    for item in _table().all_items():
        found.update(repr(item).encode())
    return found.hexdigest()


def _objects() -> Any:
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys


def _table() -> Any:
    return dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[TABLE]
