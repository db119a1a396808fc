"""Table formats: folders whose parquet files are not all of the table's rows, known by what lies beside these."""

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
    """A table: the folder `place` it is in, and the name of its format as Spark and as people have it."""

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
    """Yield the prefixes that have keys if a folder above this one is a table; an Iceberg table's files are in `data/`.

    Parameters
    ----------
    folder
        A key that ends with a slash, or nothing: the bucket.
    """
    names = folder.split("/")[:-1]
    for depth, name in enumerate(names):
        above = "".join(f"{name}/" for name in names[:depth])
        yield from (f"{above}_delta_log/", f"{above}.hoodie/")
        if name == "data":
            yield f"{above}metadata/"
