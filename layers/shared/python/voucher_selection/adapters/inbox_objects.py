"""The objects of the inbox in S3, the records of its runs, and the results, without Arrow."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter

from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.adapters.s3_errors import named_refusals
from voucher_selection.adapters.state_machine import message_of
from voucher_selection.contract.bucket import INBOX, SETTLED
from voucher_selection.domain.errors import ObjectMissing
from voucher_selection.domain.inbox import Dropped
from voucher_selection.domain.inbox_results import InboxResult, result_key
from voucher_selection.domain.inbox_runs import Batch
from voucher_selection.domain.plans import HistoryPlan

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_PARALLEL_REQUESTS = 16
_BELOW = f"{INBOX}/"


class InboxObjects:
    """The inbox of a bucket.

    Every method raises `LakeUnavailable` if S3 does not answer, and `LakeRefused` if it denies the request.
    """

    def __init__(self, bucket: str, client: "S3Client") -> None:
        self._bucket = bucket
        self._client = client

    @property
    def folder(self) -> str:
        """The inbox's address, with a slash at its end."""
        return f"s3://{self._bucket}/{_BELOW}"

    def unsettled(self) -> list[Dropped]:
        """Return the objects of the inbox that are not settled.

        The marks are listed first: an object that is settled between the two lists is taken once more, and counts once.
        """
        settled = {found["Key"].rpartition("/")[2] for found in self._found(f"{SETTLED}/")}
        dropped = (
            Dropped(
                name=found["Key"].removeprefix(_BELOW),
                etag=found["ETag"].strip('"'),
                size=found["Size"],
                dropped_at=found["LastModified"],
            )
            for found in self._found(_BELOW)
            if found["Key"] != _BELOW
        )
        return [each for each in dropped if each.mark not in settled]

    def settle(self, results: Iterable[InboxResult]) -> None:
        """Write results, and then mark their objects: they need no run any more."""
        results = list(results)
        with ThreadPoolExecutor(_PARALLEL_REQUESTS) as pool:
            list(pool.map(self._settle, results))

    def batch(self, run_id: str) -> Batch | None:
        """Return the files of a run; None if it took none of the inbox."""
        return self._read(RunKeys(run_id).batch, Batch)

    def write_batch(self, batch: Batch) -> None:
        """Write the files of a run, before it starts."""
        self._write(RunKeys(batch.run_id).batch, batch)

    def plan(self, run_id: str) -> HistoryPlan | None:
        """Return the plan of a run; None if it came to none."""
        return self._read(RunKeys(run_id).plan, HistoryPlan)

    def record(self, run_id: str) -> dict[str, Any] | None:
        """Return the record of a run, with its cause as a message; None if it left none."""
        record = self._read(RunKeys(run_id).summary, dict[str, Any])
        return record | {"cause": message_of(record["cause"])} if record and "cause" in record else record

    def _settle(self, result: InboxResult) -> None:
        self._write(result_key(result.name), result)
        self._write(f"{SETTLED}/{result.dropped.mark}", result.dropped)

    def _found(self, prefix: str) -> Iterable[Any]:
        with named_refusals(self._bucket, prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                yield from page.get("Contents", [])

    def _read[T](self, key: str, kind: type[T]) -> T | None:
        try:
            with named_refusals(self._bucket, key):
                content = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ObjectMissing:
            return None
        return TypeAdapter(kind).validate_json(content)

    def _write(self, key: str, value: BaseModel) -> None:
        content = json.dumps(value.model_dump(mode="json"), indent=1, ensure_ascii=False).encode()
        with named_refusals(self._bucket, key):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType="application/json")
