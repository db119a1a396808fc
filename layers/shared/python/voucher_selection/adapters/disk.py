"""A function's full disk, as an error of ours."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from voucher_selection.domain.errors import ShardTooLarge


@contextmanager
def named_full_disk(shard: int) -> Iterator[None]:
    """Turn the error of a full disk into one that names the shard, `ShardTooLarge`."""
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise
        raise ShardTooLarge(
            f"the files written for shard {shard} do not fit on the function's disk ({error}): lower the stage's"
            " shard_target_rows, or for a history raise its clean_disk_mb"
        ) from error
