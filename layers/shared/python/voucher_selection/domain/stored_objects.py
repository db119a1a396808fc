"""What is written down of objects of the lake, so that whoever reads them can tell that they are as they were left."""

from hashlib import sha256
from typing import Self

from pydantic import BaseModel, ConfigDict

from voucher_selection.domain.segments import Measure


class StoredObject(BaseModel):
    """An object's size in bytes, and the SHA-256 of its content."""

    model_config = ConfigDict(frozen=True)

    size: int
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return what is written down of this content."""
        return cls(size=len(content), sha256=sha256(content).hexdigest())

    def difference(self, content: bytes) -> str | None:
        """Return in what `content` is another than this object's; None where it is the same."""
        if len(content) != self.size:
            return f"it has {len(content):,} bytes, and {self.size:,} were written"
        return None if self == self.of(content) else "its content is not what was written (its SHA-256 differs)"


class StoredCounts(BaseModel):
    """Counts as they were written: their objects, and by measure how many kept rows they count."""

    model_config = ConfigDict(frozen=True)

    objects: tuple[StoredObject, ...]
    rows: dict[Measure, int]


class StoredRows(BaseModel):
    """An object with rows: how many by its own account, its `size` in bytes, and the ETag that S3 gave it.

    `etag` is None in what was written before ETags were.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    size: int
    etag: str | None = None
