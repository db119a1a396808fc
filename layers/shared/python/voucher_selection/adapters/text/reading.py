"""Read a text file as batches of rows, from its beginning and again if it turns out to be written in another way."""

from collections.abc import Callable, Collection, Iterator
from typing import BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from voucher_selection.adapters.text.csv_reading import Irregular, read_regular, read_row_by_row
from voucher_selection.adapters.text.json_reading import read_json_lines
from voucher_selection.adapters.text.looking import Look
from voucher_selection.adapters.text.streams import Budget, OtherEncoding, decoded, decompressed, without_utf8
from voucher_selection.domain.errors import UnreadableText
from voucher_selection.domain.text_formats import QUOTES, CsvOptions, TextFormat
from voucher_selection.domain.text_values import as_usual

_WESTERN = "windows-1252"
_OF_ONE_BYTE = (_WESTERN, "iso-8859-1")  # what is found out of text that is not UTF-8


class TextFile(NamedTuple):
    """A text file, what was seen of it, and how to read it.

    Attributes
    ----------
    file, source
        The file, open for bytes, and how messages name it.
    wanted
        The names of the columns to read.
    """

    file: BinaryIO
    source: str
    seen: Look
    wanted: Collection[str]
    options: CsvOptions

    @property
    def columns(self) -> list[str]:
        """The wanted columns that the file has, in its order."""
        return [name for name in self.seen.columns if name in self.wanted]


def read_text[Result](
    text: TextFile, budget: Budget, use: Callable[[Iterator[pa.RecordBatch]], Result]
) -> tuple[Result, TextFormat]:
    """Read a file, and return what `use` makes of its rows, and the format that it turned out to have.

    The rows have the file's wanted columns, as text. `use` is called again from the beginning if the file is not as its
    beginning was: in another encoding, or with odd quotes or widths. Only its last result counts. The memory needed
    does not depend on the size of the file.

    Raises
    ------
    UnreadableText
        A line cannot be read; the message names it.
    TextTooLarge
        The budget is spent.
    """
    try:
        return _read(text, budget, use), text.seen.recognised
    except OtherEncoding as found:
        recognised = text.seen.recognised
        if text.options.encoding or recognised.encoding != "utf-8" or not found.after_ascii:
            raise _not_encoded(text) from found
    # Everything before was ASCII, which both encodings share.
    recognised = recognised.model_copy(update={"encoding": _WESTERN})
    text = text._replace(seen=text.seen._replace(recognised=recognised))
    try:
        return _read(text, budget, use), recognised
    except OtherEncoding as found:
        raise _not_encoded(text) from found


def _not_encoded(text: TextFile) -> UnreadableText:
    return UnreadableText(
        f"{text.source} is not encoded in {text.seen.recognised.encoding} throughout: write it as UTF-8, or name its"
        " `encoding` in `csv` of the run's input"
    )


def _read[Result](text: TextFile, budget: Budget, use: Callable[[Iterator[pa.RecordBatch]], Result]) -> Result:
    def texts() -> Iterator[str]:
        recognised = text.seen.recognised
        blocks = decompressed(text.file, text.source, recognised.compression, budget)
        if text.options.encoding is None and recognised.encoding in _OF_ONE_BYTE:
            blocks = without_utf8(blocks)
        return decoded(blocks, recognised.encoding)

    if text.seen.recognised.format == "json_lines":
        return use(read_json_lines(texts(), text.source, text.seen, text.wanted))
    try:
        return use(_values(read_regular(texts(), text.seen, text.wanted), text))
    except Irregular:
        return use(_values(read_row_by_row(texts(), text.source, text.seen, text.wanted), text))


def _values(batches: Iterator[pa.RecordBatch], text: TextFile) -> Iterator[pa.RecordBatch]:
    """Yield rows with their numbers and dates written as usual."""
    for batch in batches:
        if text.options.quote is None:
            _check_quotes(batch, text)
        yield as_usual(batch, text.options) if text.options.says_how_to_read_values else batch


def _check_quotes(batch: pa.RecordBatch, text: TextFile) -> None:
    """Refuse values in quotes of the kind that the beginning of the file does not show, or with escapes."""
    if used := text.seen.recognised.quote:
        _check_none_escaped(batch, text, used)
    for quote in QUOTES:
        for name in batch.schema.names:
            cells = pc.utf8_trim_whitespace(batch[name])
            quoted = pc.and_(pc.starts_with(cells, quote), pc.ends_with(cells, quote))
            if quote != text.seen.recognised.quote and pc.any(quoted).as_py():
                raise UnreadableText(
                    f"{text.source} has cells in {quote} quotes, which its beginning has not ({name}:"
                    f" {batch[name].filter(quoted)[0].as_py()[:80]}): name the `quote` in `csv` of the run's input"
                )


def _check_none_escaped(batch: pa.RecordBatch, text: TextFile, quote: str) -> None:
    r"""Refuse values that a backslash may escape: where it does, `"\\N"` is `\N`, and `"a\";b"` is one cell."""
    for name in batch.schema.names:
        if not pc.any(pc.match_substring(batch[name], "\\")).as_py():
            continue
        escaped = pc.match_substring_regex(batch[name], rf"\\(?:{quote}|\\|\s*$)")
        if pc.any(escaped).as_py():
            raise UnreadableText(
                f"{text.source} has a \\ that may escape the sign after it ({name}:"
                f" {batch[name].filter(escaped)[0].as_py()[:80]}): expected a {quote} within a cell to be written"
                " twice. If no sign is escaped, name the `quote` in `csv` of the run's input"
            )
