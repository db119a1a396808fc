"""Uploads: which file a caller of the API may put into the lake's bucket, and under which key.

Like `./quickstart run --source`, an upload has a prefix that comes from its content. So uploads never overwrite each
other, a repeated upload is the same object, and an append recognises it: a source's identity leaves the prefix out.
"""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, StringConstraints, ValidationError

from voucher_selection.contract.bucket import UPLOADS
from voucher_selection.domain.errors import InvalidUpload
from voucher_selection.domain.s3_addresses import LONGEST_KEY
from voucher_selection.domain.validation import WITHOUT_CONTROLS, FieldProblem, field_problems

_DIGITS_OF_PREFIX = 16
_LONGEST_NAME = LONGEST_KEY - len(f"{UPLOADS}/sha256-/") - _DIGITS_OF_PREFIX


def _file_name(name: str) -> str:
    """Return a name that is a file's; raise `ValueError` for a path, or a name that a key has no room for."""
    if "/" in name or "\\" in name or name in {".", ".."}:
        raise ValueError(f"expected the name of a file without its folders, got {name[:80]!r}")
    if name != name.strip():
        raise ValueError(f"expected a name without blanks at its ends, got {name[:80]!r}: rename the file")
    if (size := len(name.encode())) > _LONGEST_NAME:
        raise ValueError(f"expected a name of at most {_LONGEST_NAME} bytes, got {size:,}: rename the file")
    return name


FileName = Annotated[str, StringConstraints(min_length=1), WITHOUT_CONTROLS, AfterValidator(_file_name)]


class UploadRequest(BaseModel):
    """A file that a caller wants to upload."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[FileName, Field(description="The file's name, without folders")]
    size: Annotated[PositiveInt, Field(description="Its size in bytes; the stage's `upload_max_bytes` at most")]
    sha256: Annotated[
        str,
        StringConstraints(pattern="^[0-9a-f]{64}$"),
        Field(
            description="What tells its content from others, 64 hex digits: the SHA-256 of the SHA-256 digests of its"
            " parts of 8 MiB. The same name and digits are the same upload"
        ),
    ]

    @classmethod
    def parse(cls, request: object, most_bytes: int) -> Self:
        """Read a request for an upload of at most `most_bytes`.

        Raises
        ------
        InvalidUpload
            Names every unknown or missing key and every invalid value.
        """
        try:
            asked = cls.model_validate(request)
        except ValidationError as error:
            raise InvalidUpload(list(field_problems(error))) from error
        if asked.size > most_bytes:
            raise InvalidUpload([FieldProblem("size", too_large(asked.size, most_bytes))])
        return asked

    @property
    def key(self) -> str:
        """The key of the upload in the lake's bucket.

        Examples
        --------
        >>> UploadRequest(name="monday.csv", size=1, sha256="0123456789abcdef" * 4).key
        'uploads/sha256-0123456789abcdef/monday.csv'
        """
        return f"{UPLOADS}/sha256-{self.sha256[:_DIGITS_OF_PREFIX]}/{self.name}"


def too_large(size: int, most_bytes: int) -> str:
    """Return why a file of `size` bytes is refused, and what to do instead."""
    return (
        f"expected a file of at most {most_bytes:,} bytes, got {size:,}: put it into the bucket with aws s3 cp, and"
        " give its address"
    )
