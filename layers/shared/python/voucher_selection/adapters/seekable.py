"""Files of known size, readable from any position: apart, because both the lake and the check of footers need it."""

import io
from abc import abstractmethod
from typing import override


class SeekableFile(io.RawIOBase):
    """A file of `size` bytes with a position; a subclass defines `fetch`."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self._position = 0

    @abstractmethod
    def fetch(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` up to but not including `end`, which lies within the file.

        The position is neither used nor changed, so that several threads can call it at once.
        """

    @override
    def read(self, size: int | None = -1) -> bytes:
        wanted = self.size - self._position if size is None or size < 0 else size
        start, end = self._position, min(self._position + wanted, self.size)
        if end <= start:
            return b""
        content = self.fetch(start, end)
        self._position = end
        return content

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._position

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = start + offset
        return self._position
