"""Read the records of runs, `run.json` and `quality.json`, from the lake, without Arrow."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import TypeAdapter

from voucher_selection.adapters.observability import logger
from voucher_selection.adapters.run_keys import RunKeys
from voucher_selection.domain.quality_document import Quality

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_PARALLEL_REQUESTS = 10


class RunRecords:
    """The records of runs, in the lake's bucket."""

    def __init__(self, bucket: str, client: "S3Client") -> None:
        self._bucket = bucket
        self._client = client

    def summary(self, run_id: str) -> dict[str, Any] | None:
        """Return the summary of a run, or the record of its failure; None if neither exists or can be read."""
        return self._read(run_id, RunKeys(run_id).summary)

    def quality(self, run_id: str) -> Quality | None:
        """Return how good the model of a run is; None if an older version made it, or it cannot be read now."""
        try:
            found = self._read(run_id, RunKeys(run_id).quality)
            return None if found is None else TypeAdapter(Quality).validate_python(found)
        except (BotoCoreError, ClientError, ValueError) as error:
            logger.warning("how good the model is cannot be read", record_of=run_id, reason=str(error)[:500])
            return None

    def _read(self, run_id: str, key: str) -> dict[str, Any] | None:
        try:
            found = json.loads(self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read())
        except self._client.exceptions.NoSuchKey:
            return None
        except ValueError:
            logger.warning("the record of a run cannot be read", record_of=run_id, key=key)
            return None
        return found if isinstance(found, dict) else None

    def summaries(self, run_ids: Iterable[str]) -> list[dict[str, Any] | None]:
        """Return the summaries of runs, in their order."""
        with ThreadPoolExecutor(_PARALLEL_REQUESTS) as pool:
            return list(pool.map(self.summary, run_ids))
