"""What reading footers leaves in memory."""

import io
from gc import collect
from types import SimpleNamespace
from typing import Any, override
from weakref import ref

from tests.histories import history, parquet_bytes
from voucher_selection.adapters.parquet.footers import FileKind, read_footer
from voucher_selection.adapters.seekable import SeekableFile
from voucher_selection.adapters.sources.landed_files import LandedFile
from voucher_selection.domain.history import COLUMN_NAMES, check_schema


class File(SeekableFile):
    etag = "etag"

    def __init__(self, content: bytes) -> None:
        super().__init__(len(content))
        self._content = io.BytesIO(content)

    @override
    def fetch(self, start: int, end: int) -> bytes:
        return self._content.getbuffer()[start:end].tobytes()


def test_a_footer_is_not_kept_when_it_was_read():
    """Ingest reads thousands: a parsed row group takes several kilobytes."""
    opened: list[ref[File]] = []

    def open_file(*_: Any) -> File:
        file = File(parquet_bytes(history({}, {})))
        opened.append(ref(file))
        return file

    lake: Any = SimpleNamespace(open=open_file)
    landed = LandedFile("raw/a.parquet", "s3://lake/a.parquet", "s3://lake/a.parquet#etag", {})

    footer = read_footer(lake, landed, FileKind(check_schema, COLUMN_NAMES))

    assert footer.file.rows == 2
    collect()
    assert opened[0]() is None
