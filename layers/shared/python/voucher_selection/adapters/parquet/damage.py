"""Damage: what a parquet file makes its reader raise, as the one error that names the file."""

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from voucher_selection.domain.errors import NotParquet


@contextmanager
def naming_file(file: str) -> Iterator[None]:
    """Turn what reading a damaged parquet file raises into an error that names it.

    Parameters
    ----------
    file
        The address that it was given by.

    Raises
    ------
    NotParquet
        The file cannot be read, or not within the memory there is.
    """
    try:
        yield
    except MemoryError as error:  # Arrow's own is one, too
        raise NotParquet(
            f"{file} cannot be read in the memory there is ({error}): it is damaged, or one of its pages or texts is"
            " too large; write it with smaller pages"
        ) from error
    # A name of a column, or a bound of its statistics, that is not UTF-8 is no error of Arrow's.
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise NotParquet(f"{file} is damaged, or of another format, and cannot be read as parquet: {error}") from error
