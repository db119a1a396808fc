"""The bytes of a text file, decompressed block by block, and their text."""

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Protocol

import pyarrow as pa

from voucher_selection.domain.errors import UnreadableText
from voucher_selection.domain.text_formats import Compression

BLOCK_BYTES = 1024 * 1024
"""How much text is read at a time."""
# How much of a compressed or plain file is fetched at a time: a request to S3 takes as long as a few MB.
_FETCHED_BYTES = 8 * 1024 * 1024


class Budget(Protocol):
    """What limits how much text is read: it is told of each block, and raises an error at one too many."""

    def spend(self, size: int) -> None:
        """Count bytes of text; raise an error if these are too many."""


class Unlimited:
    """A budget without a limit."""

    def spend(self, size: int) -> None:
        """Allow any number of bytes."""


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
    """
    file.seek(0)
    stream = pa.BufferedInputStream(pa.PythonFile(file, mode="r"), _FETCHED_BYTES)
    if compression:
        stream = pa.CompressedInputStream(stream, compression)
    while True:
        with naming_damage(source):
            block = stream.read(BLOCK_BYTES)
        if not block:
            return
        budget.spend(len(block))
        yield block


def decoded(blocks: Iterator[bytes], encoding: str) -> Iterator[str]:
    """Yield the text of blocks of bytes, without a byte order mark.

    Raises
    ------
    UnicodeDecodeError
        The bytes are not of this encoding.
    """
    decoder = codecs.getincrementaldecoder(encoding)()
    begins = True
    for block in blocks:
        text = decoder.decode(block)
        if begins and text:
            text, begins = text.removeprefix("\ufeff"), False
        yield text
    yield decoder.decode(b"", final=True)
