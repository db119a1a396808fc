"""A lake and a catalog in memory: as fast as a property of many runs needs them, with the answers of the services."""

import hashlib
import io
import threading
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from botocore.hooks import HierarchicalEmitter

from tests.concurrency.clients import SteppedCatalog
from tests.concurrency.stores import Answer, Operation, Stored
from tests.environment import BUCKET
from voucher_selection.adapters.lake import Lake
from voucher_selection.adapters.stores import Stores


class MemoryS3:
    """The calls of S3 that a run makes, with arguments and answers as they are there. There is one bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.meta = SimpleNamespace(events=HierarchicalEmitter())  # where s3transfer looks

    def put_object(self, *, Key: str, Body: Any, **_: Any) -> dict[str, str]:  # noqa: N803 - S3's names
        self.objects[Key] = content = bytes(Body) if isinstance(Body, bytes) else Body.read()
        return {"ETag": _etag(content)}

    def get_object(self, *, Key: str, Range: str | None = None, **conditions: str) -> dict[str, Any]:  # noqa: N803
        content = self._found(Key, "GetObject", conditions.get("IfMatch"))
        if Range:
            first, last = map(int, Range.removeprefix("bytes=").split("-"))
            return {"Body": io.BytesIO(content[first : last + 1])}
        return {"Body": io.BytesIO(content)}

    def head_object(self, *, Key: str, **conditions: str) -> dict[str, Any]:  # noqa: N803
        content = self._found(Key, "HeadObject", conditions.get("IfMatch"))
        return {"ETag": _etag(content), "ContentLength": len(content)}

    def copy_object(self, *, CopySource: dict[str, str], Key: str, CopySourceIfMatch: str, **_: str) -> dict[str, Any]:  # noqa: N803
        self.objects[Key] = content = self._found(CopySource["Key"], "CopyObject", CopySourceIfMatch)
        return {"CopyObjectResult": {"ETag": _etag(content)}}

    def list_objects_v2(self, *, Prefix: str, **_: str) -> dict[str, Any]:  # noqa: N803
        found = [(key, content) for key, content in sorted(self.objects.items()) if key.startswith(Prefix)]
        return {"Contents": [{"Key": key, "Size": len(content), "ETag": _etag(content)} for key, content in found]}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_objects_v2"
        return SimpleNamespace(paginate=lambda **query: [self.list_objects_v2(**query)])

    def _found(self, key: str, operation: str, etag: str | None) -> bytes:
        if key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, operation)
        if etag not in {None, _etag(self.objects[key])}:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, operation)
        return self.objects[key]


def memory_stores() -> Stores:
    """Return an empty lake and an empty catalog."""
    client: Any = MemoryS3()
    return Stores(Lake(BUCKET, client), SteppedCatalog(_Table()))


class _Table:
    """The table of the catalog: every operation on it is performed at once."""

    def __init__(self) -> None:
        self._stored = Stored({})
        self._lock = threading.Lock()

    def __call__(self, operation: Operation) -> Answer:
        with self._lock:
            self._stored, answer = self._stored.after(operation)
        return answer


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
