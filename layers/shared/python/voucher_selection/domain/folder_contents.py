"""What a folder of files holds: those that are read, and those that are not."""

import re
from collections.abc import Iterable
from typing import NamedTuple

# `x.parquet`, `x.snappy.parquet`, `x.parquet.gzip`, `x.pq`; Hadoop writes checksums beside them, `.x.parquet.crc`.
_PARQUET_NAME = re.compile(r"\.(parquet|pq)(\.(?!crc$)[a-z0-9]+)?$", re.IGNORECASE)
_HIDDEN = ("_", ".")


class FolderContents(NamedTuple):
    """Names of files below a folder: those to read, and those that are left out, markers not among them."""

    read: list[str]
    left_out: list[str]


def contents_of(names: Iterable[str]) -> FolderContents:
    """Tell the parquet files among the names, which are paths below the folder, from the others.

    As for Spark and Arrow, what begins with `_` or `.`, file or folder, is no data: a job writes to `_temporary/` what
    is not finished. A folder `_name=value` is a partition.
    """
    read, left_out = [], []
    for name in names:
        if _is_parquet(name) and not _is_hidden(name):
            read.append(name)
        elif not _is_marker(name):
            left_out.append(name)
    return FolderContents(read, left_out)


def _is_parquet(name: str) -> bool:
    return _PARQUET_NAME.search(name) is not None


def _is_hidden(name: str) -> bool:
    *folders, file = name.split("/")
    return file.startswith(_HIDDEN) or any(part.startswith(_HIDDEN) and "=" not in part for part in folders)


def _is_marker(name: str) -> bool:
    """Tell whether a file says something of the others, like `_SUCCESS`, or stands for a folder."""
    file = name.rpartition("/")[2]
    return not file or file.endswith("_$folder$") or (file.startswith(_HIDDEN) and not _is_parquet(file))
