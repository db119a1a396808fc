"""Files of this machine in the inbox of the deployment, and what becomes of them."""

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from local.quickstart.here.source import files_of
from local.quickstart.machine.steps import StepError
from voucher_selection.contract.bucket import INBOX
from voucher_selection.domain.folder_contents import contents_of, is_hidden
from voucher_selection.domain.inbox_results import InboxResult, result_key

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_POLL_SECONDS = 0.25


class DroppedFile(NamedTuple):
    """A file in the inbox: its name there, and the content by its ETag."""

    name: str
    etag: str


def check_inbox(bucket: str, s3: "S3Client") -> None:
    """Raise `StepError` if the deployment has no inbox: what is dropped would lie there."""
    if "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=bucket):
        raise StepError("the deployment has no inbox: ./quickstart run -d --set inbox=true")


def named(places: Iterable[Path]) -> dict[str, Path]:
    """Return the files to drop by their names in the inbox: a folder's files are below the folder's name.

    Raises
    ------
    StepError
        Two files would have the same name, or the inbox ignores all of them.
    """
    found: dict[str, Path] = {}
    for place in places:
        for file, name in files_of(place):
            if name in found:
                raise StepError(f"{found[name]} and {file} would both be {name} in the inbox: rename one of them")
            found[name] = file
    contents = contents_of(found)
    kept = {name: found[name] for name in (*contents.read, *contents.left_out) if not is_hidden(name)}
    if not kept:
        raise StepError(
            f"expected files with data, got {len(found)} that the inbox ignores: their names, or those of their"
            " folders, begin with _ or ."
        )
    return kept


def drop(files: dict[str, Path], bucket: str, s3: "S3Client") -> Iterator[DroppedFile]:
    """Upload files into the inbox, one after another."""
    for name, file in files.items():
        try:
            s3.upload_file(str(file), bucket, f"{INBOX}/{name}")
        except OSError as error:
            raise StepError(f"{file} cannot be read: {error.strerror or error}") from error
        head = s3.head_object(Bucket=bucket, Key=f"{INBOX}/{name}")
        yield DroppedFile(name, head["ETag"].strip('"'))


def results(dropped: Iterable[DroppedFile], since: float, bucket: str, s3: "S3Client") -> Iterator[InboxResult]:
    """Yield the result of each file once it is there, in any order; `since` is when the first was dropped, in seconds.

    An older result may be of the same file, dropped before.
    """
    waiting = list(dropped)
    while waiting:
        for file in list(waiting):
            found = _result(file, bucket, s3)
            if found and found.settled_at.timestamp() >= since:
                waiting.remove(file)
                yield found
        if waiting:
            time.sleep(_POLL_SECONDS)


def _result(file: DroppedFile, bucket: str, s3: "S3Client") -> InboxResult | None:
    try:
        content = s3.get_object(Bucket=bucket, Key=result_key(file.name))["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    found = InboxResult.model_validate(json.loads(content))
    return found if found.etag == file.etag else None
