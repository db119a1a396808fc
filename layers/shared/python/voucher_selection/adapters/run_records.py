"""Read the `run.json` of runs from the lake, without Arrow."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from voucher_selection.adapters.observability import logger
from voucher_selection.adapters.run_keys import RunKeys

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_PARALLEL_REQUESTS = 10


class RunRecords:
    """The `run.json` of runs, in the lake's bucket."""

    def __init__(self, bucket: str, client: "S3Client") -> None:
        self._bucket = bucket
        self._client = client

    def summary(self, run_id: str) -> dict[str, Any] | None:
        """Return the summary of a run, or the record of its failure; None if neither exists or can be read."""
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=RunKeys(run_id).summary)["Body"]
            found = json.loads(body.read())
        except self._client.exceptions.NoSuchKey:
            return None
        except ValueError:
            logger.warning("the record of a run cannot be read", record_of=run_id)
            return None
        return found if isinstance(found, dict) else None

    def summaries(self, run_ids: Iterable[str]) -> list[dict[str, Any] | None]:
        """Return the summaries of runs, in their order."""
        with ThreadPoolExecutor(_PARALLEL_REQUESTS) as pool:
            return list(pool.map(self.summary, run_ids))
