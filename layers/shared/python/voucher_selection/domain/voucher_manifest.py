"""The manifest of an assign run: the files that it wrote, so that a reader can check that it has all of them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from voucher_selection.domain.runs import RunId

type VoucherFormat = Literal["parquet", "csv"]
"""How an assign run writes the customers' amounts."""


class WrittenFile(BaseModel):
    """A file as it was written: its key in the bucket, its rows, its size, and digests of its content.

    `etag` is S3's; null if the file was uploaded in parts.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    rows: int
    bytes: int
    etag: str | None
    sha256: str | None


class FileColumn(BaseModel):
    """A column of every file: its name, and its type in Arrow's words."""

    model_config = ConfigDict(frozen=True)

    name: str
    type: Annotated[str, Field(examples=["string", "int64", "double"])]


class VoucherManifest(BaseModel):
    """What an assign run wrote: `files` are in the order of the customers, and their rows add up to `rows`.

    `version` is that of the model, and `customers` the address of the customers.
    """

    model_config = ConfigDict(frozen=True)

    run_id: RunId
    version: str
    customers: str
    format: VoucherFormat
    bucket: str
    rows: int
    columns: tuple[FileColumn, ...]
    files: tuple[WrittenFile, ...]
