"""Hive partitions: columns whose value is in the path of a file, as in `country_code=Peru/part-0.parquet`."""

from collections.abc import Iterable
from urllib.parse import unquote

# What Hive, Spark, dask, DuckDB and Athena write for a null.
_NULL = "__HIVE_DEFAULT_PARTITION__"

# Names of columns and their values as text; None is null.
type PathValues = dict[str, str | None]
NO_PATH_VALUES: PathValues = {}


def values_in(folders: Iterable[str]) -> PathValues:
    """Return what the folders of a path say of columns, the outermost first; of two of one name the deeper counts."""
    pairs = (folder.partition("=") for folder in folders)
    return {unquote(name): None if value == _NULL else unquote(value) for name, is_one, value in pairs if is_one}
