"""The beginning of a file: how it is compressed and encoded, and its text; other formats are refused by name."""

import codecs
import re

import pyarrow as pa

from voucher_selection.adapters.text.streams import naming_damage
from voucher_selection.domain.errors import UnreadableText
from voucher_selection.domain.folder_contents import PARQUET
from voucher_selection.domain.text_formats import Compression

SAMPLE_BYTES = 256 * 1024
"""How much of a file is looked at."""
_COMPRESSIONS: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
AS_TEXT = "write it as CSV, JSON lines or parquet"
# What else people have, by how it begins, and what to do. A header may begin with the same letters: `PARENT_ID`.
_OTHERS = (
    (rb"PK\x03\x04", "a zip archive or an Excel workbook", "unpack it, or save the sheet as CSV UTF-8"),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook of an old form", "save the sheet as CSV UTF-8"),
    (rb"%PDF-", "a PDF", AS_TEXT),
    (rb"Obj\x01", "an Avro file", AS_TEXT),
    (rb"ORC[\x00-\x08\x0e-\x1f\x80-\xff]", "an ORC file", AS_TEXT),
    (rb"ARROW1\x00", "an Arrow or Feather file", AS_TEXT),
    (rb"SQLite format 3\x00", "a database of SQLite", AS_TEXT),
    (rb"BZh[1-9]1AY", "compressed with bzip2", "compress it with gzip or zstd, or not at all"),
    (rb"\xfd7zXZ\x00", "compressed with xz", "compress it with gzip or zstd, or not at all"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it"),
    (rb"Rar!\x1a", "a RAR archive", "unpack it"),
    (rb"\x04\x22\x4d\x18", "compressed with lz4", "compress it with gzip or zstd, or not at all"),
    (rb"\xff\x06\x00\x00sNaPpY", "compressed with snappy", "compress it with gzip or zstd, or not at all"),
    (rb"PARE[\x00-\x08\x0e-\x1f\x80-\xff]", "an encrypted parquet file", "write it without encryption"),
)
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f]")
_MOST_CONTROLS = 0.01  # of all characters of a text


def uncompressed(head: bytes, source: str) -> tuple[bytes, Compression | None]:
    """Return the beginning of a file without its compression, if it has one."""
    compression = next((kind for magic, kind in _COMPRESSIONS.items() if head.startswith(magic)), None)
    if compression is None:
        return head, None
    stream = pa.CompressedInputStream(pa.BufferReader(head), compression)
    beginning = b""
    while len(beginning) < SAMPLE_BYTES:
        try:
            with naming_damage(source):
                block = stream.read(SAMPLE_BYTES // 16)
        except UnreadableText:
            if len(head) < SAMPLE_BYTES or not beginning:
                raise
            break  # the head ends in the middle of the compressed bytes
        if not block:
            break
        beginning += block
    if beginning.startswith(PARQUET):
        raise UnreadableText(
            f"{source} is a parquet file that was compressed with {compression} as a whole: decompress it. Parquet"
            " compresses its own pages"
        )
    if any(beginning.startswith(magic) for magic in _COMPRESSIONS):
        raise UnreadableText(f"{source} is compressed twice: decompress it once")
    return beginning, compression


def check_no_other(beginning: bytes, source: str) -> None:
    """Refuse a file of a format that people often have."""
    for pattern, what, advice in _OTHERS:
        if re.match(pattern, beginning):
            raise UnreadableText(f"{source} is {what}: expected parquet, CSV or JSON lines; {advice}")
    if beginning[257:262] == b"ustar":
        raise UnreadableText(f"{source} is a tar archive: expected parquet, CSV or JSON lines; unpack it")


def encoding_of(beginning: bytes, source: str, *, whole: bool) -> str:
    """Return the encoding of a text by its byte order mark or its bytes; `whole` says that the text ends here."""
    marked = next((encoding for mark, encoding in _MARKS if beginning.startswith(mark)), None)
    if marked in {"utf-32-le", "utf-32-be"}:
        raise UnreadableText(
            f"{source} is encoded in UTF-32: expected UTF-8, UTF-16 or Windows-1252; write it as UTF-8"
        )
    if marked:
        return marked
    even, odd = beginning[::2].count(0), beginning[1::2].count(0)
    most, least = max(even, odd), min(even, odd)
    if most > len(beginning) // 4 and least < most // 8:
        return "utf-16-be" if even > odd else "utf-16-le"
    return next(name for name in ("utf-8", "windows-1252", "iso-8859-1") if _is_of(beginning, name, whole=whole))


def _is_of(beginning: bytes, encoding: str, *, whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(beginning, whole)
    except UnicodeDecodeError:
        return False
    return True


def text_of(beginning: bytes, encoding: str, source: str, *, whole: bool) -> str:
    """Return the text of bytes without a byte order mark; refuse what is no text."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(beginning, whole).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise UnreadableText(
            f"{source} is not encoded in {encoding} ({error}): name another `encoding` in `csv` of the run's input, or"
            " none"
        ) from error
    controls = len(_CONTROLS.findall(text))
    if "\0" in text or controls > len(text) * _MOST_CONTROLS:
        raise UnreadableText(f"{source} is neither parquet nor text: expected parquet, CSV or JSON lines, got bytes")
    return text
