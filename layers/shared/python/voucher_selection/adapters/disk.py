"""The disk of a function: what was to be written and found no place, as an error of ours."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from voucher_selection.domain.errors import ShardTooLarge


@contextmanager
def named_full_disk(shard: int) -> Iterator[None]:
    """Turn a full disk into an error that names the shard.

    Raises
    ------
    ShardTooLarge
        What becomes of the shard's rows does not fit on the disk.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        raise ShardTooLarge(
            f"what is written of shard {shard} does not fit on the function's disk ({error}): lower the stage's"
            " shard_target_rows, or for a history raise its clean_disk_mb"
        ) from error
