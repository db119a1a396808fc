"""Damage: the errors of reading a parquet file, as one error that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from voucher_selection.domain.errors import NotParquet


@contextmanager
def naming_file(file: str) -> Iterator[None]:
    """Turn any error of reading a damaged parquet file into one that names the file, as the user gave it.

    Raises
    ------
    NotParquet
        The file cannot be read, or reading it takes more memory than the function has.
    """
    try:
        yield
    except MemoryError as error:  # Arrow's own error of memory is a subclass
        raise NotParquet(
            f"{file} cannot be read in this function's memory ({error}): it is damaged, or one of its pages or texts"
            " is too large; write it with smaller pages"
        ) from error
    # If a column's name, or a bound of its statistics, is not UTF-8, it is Python that raises.
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise NotParquet(f"{file} is damaged, or of another format, and cannot be read as parquet: {error}") from error
