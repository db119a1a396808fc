"""A lake in a folder: what a network would add is the same for everything that is compared."""

import io
from pathlib import Path
from typing import IO, Any, override

import pyarrow.parquet as pq

from voucher_selection.adapters.lake import Lake
from voucher_selection.domain.stored_objects import StoredObject, StoredRows


class _File(io.FileIO):
    """A file that knows its size, as an object in the lake does."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.size = Path(path).stat().st_size


class FolderLake(Lake):
    """The objects of the lake as files; a history's files are where their keys say."""

    def __init__(self, folder: Path) -> None:
        no_client: Any = None
        super().__init__("lake", no_client)
        self.folder = folder

    @override
    def open(self, key: str, etag: str | None = None, size: int | None = None, source: str | None = None) -> Any:
        return _File(key)

    @override
    def upload(self, key: str, file: Path, rows: int | None = None) -> StoredRows:
        with file.open("rb") as content:
            self._copy(key, content)
        return StoredRows(rows=pq.read_metadata(file).num_rows if rows is None else rows, size=file.stat().st_size)

    @override
    def _read(self, key: str) -> bytes:
        return (self.folder / key).read_bytes()

    @override
    def _write(self, key: str, content: bytes, content_type: str) -> StoredObject:
        self._copy(key, io.BytesIO(content))
        return StoredObject.of(content)

    def _copy(self, key: str, content: IO[bytes]) -> None:
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            while chunk := content.read(1024 * 1024):
                file.write(chunk)
