"""The bytes of a text file, decompressed block by block, their text, and its lines."""

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import BinaryIO, override

import pyarrow as pa

from voucher_selection.domain.errors import TextTooLarge, UnreadableText
from voucher_selection.domain.text_formats import Compression

BLOCK_BYTES = 1024 * 1024
"""How much text is read at a time."""
# How much of a file is fetched at a time: a request to S3 takes as long as a few MB.
_FETCHED_BYTES = 8 * 1024 * 1024
LONGEST_LINE = 1024 * 1024  # characters


class Budget:
    """How many bytes of text a run may still read, decompressed; a file that is read again counts again."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._spent = 0
        self._lock = Lock()

    def spend(self, size: int, source: str) -> None:
        """Count bytes of a file.

        Raises
        ------
        TextTooLarge
            These are too many.
        """
        with self._lock:
            self._spent += size
            self.check(self._spent, source)

    def check(self, size: int, source: str) -> None:
        """Raise `TextTooLarge` if files, among them `source`, have more than this many bytes."""
        if size > self._most:
            raise TextTooLarge(
                f"expected at most {self._most:,} bytes of CSV and JSON lines, decompressed, in a run, got more in"
                f" {source} and the other files: write them as parquet, or read them in several runs"
            )


@contextmanager
def naming_damage(source: str) -> Iterator[None]:
    """Turn an error of decompressing a file into one that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise UnreadableText(
            f"{source} is damaged or cut off, and cannot be decompressed ({error}): write or upload it again"
        ) from error


def decompressed(file: BinaryIO, source: str, compression: Compression | None, budget: Budget) -> Iterator[bytes]:
    """Yield the bytes of a file from its beginning, decompressed, in blocks of at most `BLOCK_BYTES`.

    Raises
    ------
    UnreadableText
        The file cannot be decompressed.
    TextTooLarge
        The budget is spent.
    """
    file.seek(0)
    stream: pa.NativeFile = pa.BufferedInputStream(pa.PythonFile(_LeftOpen(file), mode="r"), _FETCHED_BYTES)
    if compression:
        stream = pa.CompressedInputStream(stream, compression)
    while True:
        with naming_damage(source):
            block = stream.read(BLOCK_BYTES)
        if not block:
            return
        budget.spend(len(block), source)
        yield block


class _LeftOpen(io.RawIOBase):
    """A file that stays open when Arrow closes it: it may be read again."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    @override
    def readable(self) -> bool:
        return True

    @override
    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


class OtherEncoding(Exception):
    """A file has bytes that its encoding does not have; `after_ascii` if everything before them was ASCII."""

    def __init__(self, *, after_ascii: bool) -> None:
        super().__init__()
        self.after_ascii = after_ascii


# Characters in UTF-8 (of Latin, Greek and Cyrillic scripts, punctuation, emoji) that one byte a character would show as
# two or more of which the second is a sign: `Ã©`. Text in such an encoding hardly ever has these next to each other.
_IN_UTF8 = re.compile(rb"[\xc2\xc3\xce-\xd1][\x80-\xbf]|\xe2[\x80-\x82][\x80-\xbf]|\xf0\x9f[\x80-\xbf]{2}")


def without_utf8(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the blocks of a text that was found not to be UTF-8.

    Raises
    ------
    OtherEncoding
        A part of it is UTF-8: several files were put together.
    """
    before = b""
    for block in blocks:
        if _IN_UTF8.search(before + block):
            raise OtherEncoding(after_ascii=False)
        before = block[-3:]
        yield block


def decoded(blocks: Iterable[bytes], encoding: str) -> Iterator[str]:
    """Yield the text of blocks of bytes, without a byte order mark.

    Raises
    ------
    OtherEncoding
        The bytes are not of this encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    begins = is_ascii = True
    for block in blocks:
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            raise OtherEncoding(after_ascii=is_ascii and block[: error.start].isascii()) from error
        if begins and text:
            text, begins = text.removeprefix("\ufeff"), False
        is_ascii = is_ascii and text.isascii()
        yield text
    try:
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise OtherEncoding(after_ascii=is_ascii) from error


def lines_of(texts: Iterable[str], source: str) -> Iterator[str]:
    r"""Yield the lines of a text with their ends, which are `\n`, `\r\n` or `\r`.

    Raises
    ------
    UnreadableText
        A line is longer than `LONGEST_LINE`.
    """
    rest = ""
    number = 0
    for text in texts:
        lines = list(io.StringIO(rest + text, newline=""))
        rest = lines.pop() if lines else ""  # it may go on in the next block; of `\r\n` that may be the `\n`
        number += len(lines)
        if len(rest) > LONGEST_LINE:
            raise UnreadableText(
                f"{source}, line {number + 1} has more than {LONGEST_LINE:,} characters: expected a row on each line"
            )
        yield from lines
    yield from io.StringIO(rest, newline="")
