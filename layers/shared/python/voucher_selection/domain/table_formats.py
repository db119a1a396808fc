"""Table formats: folders whose parquet files also hold old rows. Other files in the folder show the format."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_FORMATS = {
    "delta": ("a Delta table", "_delta_log/", re.compile(r"(?:^|/)_delta_log/")),
    "hudi": ("a Hudi table", ".hoodie/", re.compile(r"(?:^|/)\.hoodie/")),
    "iceberg": (
        "an Iceberg table",
        "metadata/*.metadata.json",
        re.compile(r"(?:^|/)metadata/v?\d[^/]*\.metadata\.json(?:\.gz)?$"),
    ),
}


class Table(NamedTuple):
    """A table: its folder, its format's name in Spark and for people, and the files that show the format."""

    place: str
    format: str
    title: str
    sign: str


def table_among(keys: Iterable[str]) -> Table | None:
    """Return the first table that some of the keys belong to."""
    for key in keys:
        for name, (title, sign, pattern) in _FORMATS.items():
            if match := pattern.search(key):
                return Table(key[: match.start()].rstrip("/"), name, title, sign)
    return None


def signs_above(folder: str) -> Iterator[str]:
    """Yield prefixes: if any has keys, a folder above `folder` (`a/b/`, or empty: the bucket) may be a table."""
    names = folder.split("/")[:-1]
    for depth, name in enumerate(names):
        above = "".join(f"{name}/" for name in names[:depth])
        yield from (f"{above}_delta_log/", f"{above}.hoodie/")
        if name == "data":  # where Iceberg keeps a table's files
            yield f"{above}metadata/"
