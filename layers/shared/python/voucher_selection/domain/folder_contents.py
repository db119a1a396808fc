"""The contents of a source's folder: which files a run reads, and which it leaves out."""

import re
from collections.abc import Iterable
from typing import NamedTuple

# `x.parquet`, `x.snappy.parquet`, `x.parquet.gzip`, `x.pq`; Hadoop writes checksums beside them, `.x.parquet.crc`.
_PARQUET_NAME = re.compile(r"\.(parquet|pq)(\.(?!crc$)[a-z0-9]+)?$", re.IGNORECASE)
_TEXT_NAME = re.compile(r"\.(csv|tsv|psv|json|jsonl|ndjson)(\.(gz|gzip|zst|zstd))?$", re.IGNORECASE)
READ = "*.parquet, *.pq, *.csv, *.tsv, *.psv, *.json, *.jsonl, *.ndjson, also with .gz, .gzip, .zst or .zstd"
"""The names of files that are read of a folder, for messages."""
PARQUET = b"PAR1"
"""The first bytes of a parquet file."""
_HIDDEN = ("_", ".")


class FolderContents(NamedTuple):
    """Names of files below a folder: those to read, and those left out. Markers are in neither."""

    read: list[str]
    left_out: list[str]


def contents_of(names: Iterable[str]) -> FolderContents:
    """Separate the files of a folder to read from its other files, by their paths below the folder.

    These are parquet, CSV and JSON lines, by their names. What a file is, its content decides.

    As in Spark and Arrow, a file or folder whose name begins with `_` or `.` holds no data: a job writes unfinished
    files to `_temporary/`. But a folder `_name=value` is a partition.

    Examples
    --------
    >>> contents_of(["day=1/a.parquet", "b.csv.gz", "_SUCCESS", "notes.txt"])
    FolderContents(read=['day=1/a.parquet', 'b.csv.gz'], left_out=['notes.txt'])
    """
    read, left_out = [], []
    for name in names:
        if _is_data(name) and not is_hidden(name):
            read.append(name)
        elif not _is_marker(name):
            left_out.append(name)
    return FolderContents(read, left_out)


def is_named_parquet(name: str) -> bool:
    """Return whether a file has the name of a parquet file."""
    return _PARQUET_NAME.search(name) is not None


def _is_data(name: str) -> bool:
    return is_named_parquet(name) or _TEXT_NAME.search(name) is not None


def is_hidden(name: str) -> bool:
    """Return whether a file, or a folder on its path, begins with `_` or `.` and so holds no data."""
    *folders, file = name.split("/")
    return file.startswith(_HIDDEN) or any(part.startswith(_HIDDEN) and "=" not in part for part in folders)


def _is_marker(name: str) -> bool:
    """Return whether a file only describes the others, like `_SUCCESS`, or stands for a folder."""
    file = name.rpartition("/")[2]
    return not file or file.endswith("_$folder$") or (file.startswith(_HIDDEN) and not _is_data(file))
