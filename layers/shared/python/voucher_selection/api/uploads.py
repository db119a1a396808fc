"""`POST /uploads`: where a file may be sent to, and what a run then names as its source."""

from typing import Annotated, TypedDict

from pydantic import Field

from voucher_selection.adapters.uploads import Uploads
from voucher_selection.domain.errors import InvalidUpload
from voucher_selection.domain.uploads import UploadRequest
from voucher_selection.domain.validation import FieldProblem


class SendTo(TypedDict):
    """The request with which the file is sent to S3: its headers are part of what is signed, as is the size."""

    method: str
    url: str
    headers: dict[str, str]
    expires_at: Annotated[str, Field(description="Until when the request may begin")]


class Upload(TypedDict):
    """An upload: the source that a run names, and the request that brings the file there."""

    source: str
    send: Annotated[SendTo | None, Field(description="null: the file was uploaded before")]


def offer(asked: UploadRequest, uploads: Uploads) -> Upload:
    """Return where the file may be sent to, if it was not uploaded before.

    Raises
    ------
    InvalidUpload
        A file of another size was uploaded with this name and digest.
    LakeUnavailable
        S3 does not answer.
    """
    source, size = uploads.address(asked.key), uploads.size(asked.key)
    if size is None:
        url, headers, expires_at = uploads.presigned(asked.key, asked.size)
        return {
            "source": source,
            "send": {"method": "PUT", "url": url, "headers": headers, "expires_at": expires_at.isoformat()},
        }
    if size != asked.size:
        problem = FieldProblem("sha256", f"{source} has {size:,} bytes, not {asked.size:,}: rename the file")
        raise InvalidUpload([problem])
    return {"source": source, "send": None}
