"""What Ingest will recognise of a local source's text files, known before anything is uploaded."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from local.quickstart.here.source import files_of
from local.quickstart.machine.steps import StepError
from voucher_selection.domain.errors import UnreadableText
from voucher_selection.domain.folder_contents import contents_of
from voucher_selection.domain.text_formats import CsvOptions, Hint, TextFormat, Texts

# Of each file, its beginning is read and parsed: a folder may have many thousands.
_MOST_FILES = 200
type Kind = Literal["history", "customers"]
"""What a source has rows of."""


class Recognised(NamedTuple):
    """What was recognised of the text files among the first `looked_at` of a source's `files`."""

    texts: Texts
    looked_at: int
    files: int


def recognise(place: Path, kind: Kind, options: CsvOptions | None) -> Recognised:
    """Look at the beginning of a file, or of the first 200 files of a folder, as Ingest will.

    Raises
    ------
    StepError
        A file is neither parquet, CSV nor JSON lines, or a folder is empty.
    """
    # Only here, because completing a word needs no Arrow.
    from voucher_selection.adapters.text.looking import look  # noqa: PLC0415
    from voucher_selection.domain.customers import CUSTOMER_COLUMN_NAMES  # noqa: PLC0415
    from voucher_selection.domain.history import COLUMN_NAMES  # noqa: PLC0415

    wanted = {"history": COLUMN_NAMES, "customers": CUSTOMER_COLUMN_NAMES}[kind]
    files = list(_to_read(place))
    formats: list[tuple[str, TextFormat]] = []
    hints: list[Hint] = []
    for file, name in islice(files, _MOST_FILES):
        try:
            with file.open("rb") as content:
                found = look(content, name, wanted, options)
        except UnreadableText as error:
            raise StepError(str(error)) from error
        except OSError as error:
            raise StepError(f"{file} cannot be read: {error.strerror or error}") from error
        if found:
            formats.append((name, found.recognised))
            hints += found.hints
    return Recognised(Texts.of(formats, hints), min(len(files), _MOST_FILES), len(files))


def _to_read(place: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files that a run reads, with their names; of a folder, those that are named like data."""
    if not place.is_dir():
        yield place, place.name
        return
    files = {file.relative_to(place).as_posix(): file for file, _ in files_of(place)}
    for name in contents_of(sorted(files)).read:
        yield files[name], f"{place.name}/{name}"
