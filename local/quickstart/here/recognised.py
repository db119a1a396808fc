"""What Ingest will recognise of a local source's text files, known before anything is uploaded."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple

from local.quickstart.here.source import files_of
from local.quickstart.machine.steps import StepError
from voucher_selection.domain.errors import UnreadableText
from voucher_selection.domain.folder_contents import PARQUET, contents_of, is_named_parquet
from voucher_selection.domain.text_formats import CsvOptions, Hint, TextFormat, Texts

if TYPE_CHECKING:
    from voucher_selection.adapters.text.looking import Look

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
        A file that is not named like parquet is neither parquet, CSV nor JSON lines, or a folder is empty.
    """
    files = list(_to_read(place))
    formats: list[tuple[str, TextFormat]] = []
    hints: list[Hint] = []
    for file, name in islice(files, _MOST_FILES):
        if seen := _look(file, name, kind, options):
            formats.append((name, seen.recognised))
            hints += seen.hints
    return Recognised(Texts.of(formats, hints), min(len(files), _MOST_FILES), len(files))


def _look(file: Path, name: str, kind: Kind, options: CsvOptions | None) -> "Look | None":
    """Look at the beginning of a file; None is parquet, or a file that Ingest will refuse as damaged or empty."""
    try:
        with file.open("rb") as content:
            if content.read(len(PARQUET)) in {PARQUET, b""}:
                return None
            return _look_at_text(content, name, kind, options)
    except UnreadableText as error:
        if is_named_parquet(name):
            return None
        raise StepError(str(error)) from error
    except OSError as error:
        raise StepError(f"{file} cannot be read: {error.strerror or error}") from error


def _look_at_text(content: BinaryIO, name: str, kind: Kind, options: CsvOptions | None) -> "Look | None":
    # Only here: before Ingest, a file of parquet needs no Arrow.
    from voucher_selection.adapters.text.looking import look  # noqa: PLC0415
    from voucher_selection.domain.customers import CUSTOMER_COLUMN_NAMES  # noqa: PLC0415
    from voucher_selection.domain.history import COLUMN_NAMES  # noqa: PLC0415

    wanted = COLUMN_NAMES if kind == "history" else CUSTOMER_COLUMN_NAMES
    seen = look(content, name, wanted, options)
    is_words = seen and is_named_parquet(name) and not {*wanted} & {*seen.columns}
    return None if is_words else seen


def _to_read(place: Path) -> Iterator[tuple[Path, str]]:
    """Yield the files that a run reads, with their names; of a folder, those that are named like data."""
    if not place.is_dir():
        yield place, place.name
        return
    files = {file.relative_to(place).as_posix(): file for file, _ in files_of(place)}
    for name in contents_of(sorted(files)).read:
        yield files[name], f"{place.name}/{name}"
