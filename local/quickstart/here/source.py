"""The source of a run, a history or customers: a local file or folder, an S3 location, an HTTPS address, or the sample.

A local source is uploaded below a prefix that is a digest of its content. So a run reads what is in a folder now and
nothing that was uploaded earlier, uploads never overwrite each other, and the same content is uploaded once.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from local.quickstart.machine.going import Counted
from local.quickstart.machine.steps import StepError
from voucher_selection.domain.source_addresses import is_address

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_MOST_KEY_BYTES = 1024
_PART_BYTES = 8 * 2**20


class _LocalFile(NamedTuple):
    """A local file: its name below the prefix, and the size and digest of its content when it was first read."""

    place: Path
    name: str
    size: int
    digest: str


def resolve(source: str | None, state: Path, option: str = "--source") -> str | Path:
    """Return the source's address, or its path on this machine; raise `StepError` if it is neither."""
    if source is None:
        from local.quickstart.here.sample import sample_file  # noqa: PLC0415 - only it needs numpy and pyarrow

        return sample_file(state)
    if is_address(source.strip()):
        return source
    if "://" in source or not source.strip():
        raise StepError(f"{option} takes a file or folder, s3://… or https://…, not {source!r}")
    try:
        place = Path(source).expanduser().absolute()
    except RuntimeError as error:  # of ~ and ~user
        raise StepError(f"{option} {source}: {error}") from error
    try:
        mode = place.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise StepError(f"there is no file or folder {place}") from error
    except OSError as error:
        raise _unreadable(place, error) from error
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise StepError(f"{option} takes a file or folder, and {place} is neither")
    return place.resolve()


def upload(place: Path, bucket: str, s3: "S3Client", sent: Counted | None = None) -> str:
    """Upload a file or a folder, unless it was uploaded before; return its address. `sent` counts the bytes.

    Returns
    -------
    `s3://bucket/uploads/sha256-<16 digits>/<name>`, with a slash at the end for a folder. The digits are a digest of
    the names and contents of its files.

    Raises
    ------
    StepError
        The folder is empty, a file cannot be read, a name cannot be an object's key, or a file changed during the
        upload.
    """
    files = sorted((_looked_at(file, name) for file, name in files_of(place)), key=lambda file: file.name)
    prefix = f"uploads/sha256-{_digest_of(files)}/"
    for file in files:
        _check_key(f"{prefix}{file.name}", file.place)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    there = {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", [])}
    missing = {f"{prefix}{file.name}": file for file in files if there.get(f"{prefix}{file.name}") != file.size}
    sent = sent or Counted("bytes")
    sent.expect(sum(file.size for file in missing.values()))
    for key, file in missing.items():
        _send(file, bucket, key, s3, sent)
    return f"s3://{bucket}/{prefix}{place.name}{'/' * place.is_dir()}"


def files_of(place: Path) -> Iterator[tuple[Path, str]]:
    """Yield a file, or every file below a folder, with its name below the prefix: `folder/part/file.parquet`."""
    if not place.is_dir():
        yield place, place.name
        return
    found: dict[Path, Path] = {}
    for file in sorted(_below(place, frozenset()), key=lambda file: (file.resolve() != file, file)):
        found.setdefault(file.resolve(), file)  # a file that a link leads to as well counts once, at its own place
    if not found:
        raise StepError(f"the folder {place} is empty: expected files of parquet, CSV or JSON lines in it")
    for file in found.values():
        yield file, f"{place.name}/{file.relative_to(place).as_posix()}"


def _below(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Yield every file below a folder, also those that links lead to."""
    here = folder.resolve()
    if here in above:
        raise StepError(f"the link {folder} leads back to {here}, which it is in: take it out of the folder")
    try:
        entries = list(folder.iterdir())
    except OSError as error:
        raise _unreadable(folder, error) from error
    for entry in entries:
        if entry.is_dir():
            yield from _below(entry, above | {here})
        elif entry.is_file():
            yield entry
        elif entry.is_symlink():
            raise StepError(f"the link {entry} leads to {os.readlink(entry)}, where nothing is")  # noqa: PTH115 - as it is written


def _looked_at(file: Path, name: str) -> _LocalFile:
    try:
        with file.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            return _LocalFile(file, name, content.tell(), digest)
    except OSError as error:
        raise _unreadable(file, error) from error


def _digest_of(files: list[_LocalFile]) -> str:
    digest = hashlib.sha256()
    for file in files:
        # `_check_key` refuses a name that is not UTF-8; no name contains a NUL.
        digest.update(f"{file.name}\0{file.digest}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _check_key(key: str, file: Path) -> None:
    try:
        length = len(key.encode())
    except UnicodeEncodeError as error:
        raise StepError(f"expected names in UTF-8, got {os.fsencode(file)!r}: rename the file or its folder") from error
    if length > _MOST_KEY_BYTES:
        raise StepError(
            f"the path of {file} is too long: S3 takes keys of {_MOST_KEY_BYTES:,} bytes, and {key[:60]}… would have"
            f" {length:,}. Shorten it, or give a folder nearer to the files"
        )


def _send(file: _LocalFile, bucket: str, key: str, s3: "S3Client", sent: Counted) -> None:
    from boto3.s3.transfer import TransferConfig  # noqa: PLC0415 - completing a word needs no AWS
    from s3transfer.utils import ChunksizeAdjuster  # noqa: PLC0415

    # The parts are those of `upload_file`: the ETag, by which an append recognises an object, depends on them.
    part = ChunksizeAdjuster().adjust_chunksize(_PART_BYTES, file.size)
    with _Unchanged(file) as content:
        config = TransferConfig(_PART_BYTES, multipart_chunksize=part)
        s3.upload_fileobj(content, bucket, key, Config=config, Callback=sent.add)


class _Unchanged:
    """The content of a file, read once from beginning to end, which must not have changed.

    The last byte is returned only if the whole content has the digest that its prefix was made from.
    """

    def __init__(self, file: _LocalFile) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._left = file.size

    def __enter__(self) -> Any:  # noqa: ANN401 - a file, for `upload_fileobj`
        try:
            self._content = self._file.place.open("rb")
        except OSError as error:
            raise _unreadable(self._file.place, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._content.close()

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes, or all that are left; raise `StepError` if the content has changed."""
        chunk = self._content.read(size)
        self._digest.update(chunk)
        self._left -= len(chunk)
        ended = self._left <= 0 or len(chunk) < size or size < 0
        if ended and self._digest.hexdigest() != self._file.digest:
            raise StepError(f"{self._file.place} changed while it was uploaded: run this again when it is whole")
        return chunk


def _unreadable(place: Path, error: OSError) -> StepError:
    return StepError(f"{place} cannot be read: {error.strerror or error}")
