"""Records of objects as they were written to the lake, so that a reader can check that they have not changed."""

from hashlib import sha256
from typing import Self

from pydantic import BaseModel, ConfigDict

from voucher_selection.domain.measures import Measure


class StoredObject(BaseModel):
    """The size of an object in bytes, and the SHA-256 of its content."""

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return the record of this content."""
        return cls(size=len(content), sha256=sha256(content).hexdigest())

    def difference(self, content: bytes) -> str | None:
        """Return how `content` differs from the recorded content; None if it is the same."""
        if len(content) != self.size:
            return f"{self.size:,} bytes were written, and it has {len(content):,}"
        return None if self == self.of(content) else "its content changed after it was written (its SHA-256 differs)"


class StoredCounts(BaseModel):
    """Counts as they were written: their object, and the number of kept rows that they count, by measure."""

    model_config = ConfigDict(frozen=True)

    object: StoredObject
    rows: dict[Measure, int]


class StoredRows(BaseModel):
    """An object of rows as it was written: the number of its rows, its `size` in bytes, and its ETag in S3.

    `etag` is None in records of older versions, and for files that were uploaded in parts. Only files for others have a
    `sha256`.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    size: int
    etag: str | None = None
    sha256: str | None = None
